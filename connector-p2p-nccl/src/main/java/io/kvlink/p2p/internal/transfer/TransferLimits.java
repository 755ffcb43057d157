// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

/**
 * Limits of time, in nanoseconds.
 *
 * @param transferTimeoutNs from the first save (sender) or the request's arrival (receiver) to the
 *     last byte
 * @param handshakeTimeoutNs from dialling a peer to its answer
 * @param peerTimeoutNs silence after which a peer is lost
 * @param getLeaseNs how long KV is held for fetching
 * @param unclaimedTtlNs how long received KV waits for a request that asks for it
 */
public record TransferLimits(
        long transferTimeoutNs,
        long handshakeTimeoutNs,
        long peerTimeoutNs,
        long getLeaseNs,
        long unclaimedTtlNs) {}
