// SPDX-License-Identifier: Apache-2.0
/**
 * The control thread, which runs all transfers, and the start and end of all threads. Internal: no
 * promise to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.engine;

import org.jspecify.annotations.NullMarked;
