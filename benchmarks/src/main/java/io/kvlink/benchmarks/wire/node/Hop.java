// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;

/**
 * One request's KV on its way from a producer to a consumer.
 *
 * @param producer index of the producer
 * @param consumer index of the consumer
 * @param pair index of the pair; each pair's contents are its own
 * @param from the producer's control address
 * @param to the consumer's control address
 * @param idHigh upper half of the transfer's id
 * @param idLow lower half
 * @param tokens how many tokens change hands
 * @param scattered whether the blocks lie in random order, another one at each end
 */
public record Hop(
        int producer,
        int consumer,
        int pair,
        String from,
        String to,
        long idHigh,
        long idLow,
        int tokens,
        boolean scattered) {

    TransferRoute route() {
        return new TransferRoute(
                HostPort.parse(from), HostPort.parse(to), new TransferId(idHigh, idLow, 0));
    }
}
