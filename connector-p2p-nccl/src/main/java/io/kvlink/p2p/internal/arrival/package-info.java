// SPDX-License-Identifier: Apache-2.0
/**
 * KV on its way in, as the engine's thread sees it. {@code Arrival} is written by the device's
 * thread, {@code Expectation} by the control thread. {@code AwaitedKv} has one for each rank that
 * sends; {@code LoadableKv} is what the engine may copy. Internal: no promise to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.arrival;

import org.jspecify.annotations.NullMarked;
