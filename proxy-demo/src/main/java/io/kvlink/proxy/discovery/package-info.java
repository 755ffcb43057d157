// SPDX-License-Identifier: Apache-2.0
/**
 * Heartbeat socket: ZMTP on Netty, and the only writer of the instance table, on its own thread. It
 * ends the calls to instances that are gone. Depends on {@code config}, {@code fleet}, {@code
 * threads} and {@code upstream}.
 */
@NullMarked
package io.kvlink.proxy.discovery;

import org.jspecify.annotations.NullMarked;
