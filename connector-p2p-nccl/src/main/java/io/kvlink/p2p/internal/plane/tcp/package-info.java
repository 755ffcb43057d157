// SPDX-License-Identifier: Apache-2.0
/** The plane between hosts without GPUs: raw frames over TCP, into host memory. Internal. */
@NullMarked
package io.kvlink.p2p.internal.plane.tcp;

import org.jspecify.annotations.NullMarked;
