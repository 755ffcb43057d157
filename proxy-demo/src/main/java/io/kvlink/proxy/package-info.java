// SPDX-License-Identifier: Apache-2.0
/**
 * The router of an xPyD deployment. It learns of instances by their heartbeats, sends each request
 * to a prefill and a decode instance under one transfer id, and passes the answer through.
 *
 * <p>Threads: {@code kv-proxy-discovery} owns the heartbeat socket and writes the instance table;
 * each client connection and all its upstream connections live on one {@code kv-proxy-http} event
 * loop; {@code kv-proxy-dns} looks host names up.
 *
 * <p>This room has the server and its two ways to be started. Rooms depend on each other in one
 * direction: {@code front}, {@code exchange}, {@code discovery}, {@code upstream}, {@code body},
 * {@code fleet}; {@code config} and {@code threads} below all.
 */
@NullMarked
package io.kvlink.proxy;

import org.jspecify.annotations.NullMarked;
