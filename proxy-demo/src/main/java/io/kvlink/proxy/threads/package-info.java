// SPDX-License-Identifier: Apache-2.0
/**
 * Threads of one server: the daemons that it makes and joins, and the watch over its event loops.
 * Depends on no other room.
 */
@NullMarked
package io.kvlink.proxy.threads;

import org.jspecify.annotations.NullMarked;
