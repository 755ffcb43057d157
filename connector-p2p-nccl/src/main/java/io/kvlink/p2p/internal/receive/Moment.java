// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

/**
 * Time of an event.
 *
 * @param nowNs the time itself
 * @param requestUntilNs how long a request waits that begins to wait now
 * @param unclaimedUntilNs how long a transfer waits for a request from now on
 */
record Moment(long nowNs, long requestUntilNs, long unclaimedUntilNs) {}
