// SPDX-License-Identifier: Apache-2.0
/** Non-blocking sockets for planes that listen: the door, its secret, connections. Internal. */
@NullMarked
package io.kvlink.p2p.internal.plane.socket;

import org.jspecify.annotations.NullMarked;
