// SPDX-License-Identifier: Apache-2.0
/**
 * Host memory for KV in flight: one limit, leases that close once, a report of those that didn't.
 *
 * <p>Arithmetic and memory are apart: {@link io.kvlink.pool.BuddyAllocator} knows offsets, an arena
 * puts one over a piece of memory, and the pool hands out leases over its arenas.
 */
@NullMarked
package io.kvlink.pool;

import org.jspecify.annotations.NullMarked;
