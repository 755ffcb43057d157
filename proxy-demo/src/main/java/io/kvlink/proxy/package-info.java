// SPDX-License-Identifier: Apache-2.0
/**
 * The router of an xPyD deployment. It learns of instances by their heartbeats, sends each request
 * to a prefill and a decode instance under one transfer id, and passes the answer through.
 *
 * <p>Threads: {@code kv-proxy-discovery} owns the heartbeat socket and writes the instance table;
 * each client connection and all its upstream connections live on one {@code kv-proxy-http} event
 * loop; {@code kv-proxy-dns} looks host names up.
 */
@NullMarked
package io.kvlink.proxy;

import org.jspecify.annotations.NullMarked;
