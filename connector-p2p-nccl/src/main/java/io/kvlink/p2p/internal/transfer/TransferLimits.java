// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

/**
 * How long things may take, in nanoseconds, and how much goes at once.
 *
 * @param transferTimeoutNs from the first save (sender) or the request's arrival (receiver) to the
 *     last byte
 * @param handshakeTimeoutNs from dialling a peer to its answer
 * @param peerTimeoutNs silence after which a peer is lost
 * @param getLeaseNs how long KV is held for fetching
 * @param unclaimedTtlNs how long received KV waits for a request that asks for it
 * @param groupBytes most bytes of layers granted at once where planes share a lane
 * @param laneWindow grants a lane may have out, all to one sender
 */
public record TransferLimits(
        long transferTimeoutNs,
        long handshakeTimeoutNs,
        long peerTimeoutNs,
        long getLeaseNs,
        long unclaimedTtlNs,
        long groupBytes,
        int laneWindow) {}
