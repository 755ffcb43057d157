// SPDX-License-Identifier: Apache-2.0
/**
 * Heartbeats of a worker to its proxies, whatever its connector and without one. Used by {@code
 * worker}, whose settings say where to send.
 */
@NullMarked
package io.kvlink.djl.announce;

import org.jspecify.annotations.NullMarked;
