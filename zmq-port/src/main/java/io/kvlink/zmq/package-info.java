// SPDX-License-Identifier: Apache-2.0
/**
 * Common parts of KvLink's ZeroMQ sockets. {@link io.kvlink.zmq.ZmqContext} makes sockets, {@link
 * io.kvlink.zmq.NameResolver} looks their peers' names up.
 */
@NullMarked
package io.kvlink.zmq;

import org.jspecify.annotations.NullMarked;
