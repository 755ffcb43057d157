// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLedger;
import java.util.Optional;

/**
 * A look at a worker.
 *
 * @param role {@code kv_producer}, {@code kv_consumer}, {@code kv_both}, or {@code none} without a
 *     connector
 * @param kvAddress where peers reach the connector
 * @param waiting requests without blocks
 * @param running requests with blocks
 * @param freeTokens tokens for which there is KV memory
 * @param totalTokens tokens for which there can be
 * @param draining true if it takes nothing new, as it is about to end
 * @param ledger what the connector holds
 */
public record WorkerStatus(
        String role,
        Optional<HostPort> kvAddress,
        int waiting,
        int running,
        int freeTokens,
        int totalTokens,
        boolean draining,
        Optional<KvLedger> ledger) {}
