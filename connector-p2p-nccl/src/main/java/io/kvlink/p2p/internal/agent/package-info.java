// SPDX-License-Identifier: Apache-2.0
/**
 * Threads that do work in bounded portions, and the one that makes all calls to a data plane.
 * Internal: no promise to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.agent;

import org.jspecify.annotations.NullMarked;
