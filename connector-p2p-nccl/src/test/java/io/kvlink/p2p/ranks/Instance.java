// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.tck.KvMemory;
import io.kvlink.tck.RankPorts;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Instance of several ranks, which take each decision together. One thread steps all of them. */
final class Instance implements AutoCloseable {

    /**
     * Connector of the instance's ranks.
     *
     * @param memory memory of a rank
     * @param plane the data plane
     * @param sendType PUT, PUT_ASYNC or GET
     * @param chunk tokens computed at once; 0 for a whole prompt
     * @param timeoutS time of a transfer
     */
    record Options(
            Supplier<KvMemory> memory, String plane, String sendType, int chunk, int timeoutS) {

        /** Ranks in host memory. */
        static Options of(String plane, String sendType, int chunk, int timeoutS) {
            return new Options(KvMemory::direct, plane, sendType, chunk, timeoutS);
        }
    }

    final List<Rank> ranks = new ArrayList<>();
    private final Options options;
    private final Semaphore wakeups = new Semaphore(0);

    Instance(String role, List<List<KvLayerGroup>> ofRanks, Options options) {
        this.options = options;
        int port = RankPorts.free(ofRanks.size());
        try {
            for (List<KvLayerGroup> groups : ofRanks) {
                ranks.add(rank(groups, config(role, port)));
            }
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private Rank rank(List<KvLayerGroup> groups, Map<String, Object> config) {
        return new Rank(groups, options.memory.get(), config, options.chunk, wakeups::release);
    }

    private Map<String, Object> config(String role, int port) {
        return Map.of(
                "kv_connector",
                P2pNcclConnectorProvider.NAME,
                "kv_role",
                role,
                "kv_ip",
                "127.0.0.1",
                "kv_port",
                port,
                "kv_buffer_size",
                8_000_000,
                "kv_connector_extra_config",
                Map.of(
                        "send_type", options.sendType,
                        "data_plane", options.plane,
                        "transfer_timeout_s", options.timeoutS,
                        "get_lease_s", options.timeoutS,
                        "unclaimed_ttl_s", options.timeoutS,
                        "handshake_timeout_s", Math.max(1, options.timeoutS / 2),
                        "peer_timeout_s", 3));
    }

    HostPort address() {
        return ranks.get(0).instance();
    }

    void add(KvRequest request) {
        ranks.forEach(rank -> rank.connector.scheduler().onRequestAdded(request));
    }

    /** Computes a prompt, all of it or up to a token, in steps of one chunk. */
    void prefill(KvRequest request, BlockTable blocks, int tokens, long deadlineNs) {
        for (Rank rank : ranks) {
            rank.connector.scheduler().onBlocksAllocated(request, blocks, 0, 0);
        }
        int step = options.chunk == 0 ? tokens : options.chunk;
        for (int from = 0; from < tokens; from += step) {
            for (Rank rank : ranks) {
                rank.prefill(request, blocks, from, Math.min(tokens, from + step), deadlineNs);
            }
        }
    }

    void finish(KvRequest request) {
        ranks.forEach(rank -> rank.connector.scheduler().onRequestFinished(request));
    }

    /** Decision of all ranks, once it is one. */
    LoadDecision decide(KvRequest request, long deadlineNs) {
        List<LoadDecision> last = new ArrayList<>();
        await(
                () -> {
                    last.clear();
                    last.add(
                            ranks.stream()
                                    .map(
                                            rank ->
                                                    rank.connector
                                                            .scheduler()
                                                            .matchedTokens(request, 0))
                                    .reduce(LoadDecision::and)
                                    .orElseThrow());
                    return !(last.get(0) instanceof LoadDecision.AskAgain);
                },
                deadlineNs);
        return last.get(0);
    }

    /** Outcomes of a request that has been sent, one of each rank. */
    List<TransferOutcome> sent(long deadlineNs) {
        List<TransferOutcome> sent = new ArrayList<>();
        await(
                () -> {
                    ranks.forEach(rank -> sent.addAll(rank.poll().sent()));
                    return sent.size() >= ranks.size();
                },
                deadlineNs);
        return sent;
    }

    void awaitIdle(long deadlineNs) {
        await(() -> ranks.stream().allMatch(rank -> rank.connector.ledger().idle()), deadlineNs);
    }

    // A connector says that something may have changed, and its ledger follows within a tick.
    private void await(BooleanSupplier condition, long deadlineNs) {
        while (!condition.getAsBoolean()) {
            try {
                if (!wakeups.tryAcquire(5, TimeUnit.MILLISECONDS)
                        && System.nanoTime() - deadlineNs >= 0) {
                    throw new AssertionError(
                            "late: "
                                    + ranks.stream().map(rank -> rank.connector.ledger()).toList());
                }
            } catch (InterruptedException cause) {
                throw new AssertionError(cause);
            }
        }
    }

    @Override
    public void close() {
        ranks.forEach(Rank::close);
    }
}
