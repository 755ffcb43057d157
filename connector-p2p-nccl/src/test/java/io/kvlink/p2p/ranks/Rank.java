// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One rank of an instance, with its own memory and connector. Its KV's bytes follow from the place
 * that an element has in the whole model.
 */
final class Rank implements AutoCloseable {

    private static final int BLOCKS = 64;

    final KvLayout layout;
    final KvConnector connector;
    private final List<MemoryRegion> regions = new ArrayList<>();

    Rank(KvLayout layout, Map<String, Object> config, int chunk, Runnable wakeup) {
        this.layout = layout;
        connector =
                new P2pNcclConnectorProvider()
                        .create(
                                KvTransferConfig.of(config),
                                KvConnectorContext.builder(layout, wakeup)
                                        .prefillChunk(chunk)
                                        .build());
        for (int layer = 0; layer < layout.layers(); layer++) {
            int bytes = Math.toIntExact(BLOCKS * layout.blockBytes());
            regions.add(MemoryRegion.ofBuffer(ByteBuffer.allocateDirect(bytes)));
        }
        connector.worker().registerKvMemory(regions);
    }

    HostPort instance() {
        return connector.address().orElseThrow();
    }

    /** Computes some tokens in one step and saves what the connector wants of them. */
    void prefill(KvRequest request, BlockTable blocks, int from, int to, long deadlineNs) {
        StepPlan.Entry entry = StepPlan.entry(request, blocks, from, to - from);
        StepMetadata step = connector.scheduler().buildStep(StepPlan.of(entry));
        connector.worker().startLoad(step);
        for (int layer = 0; layer < layout.layers(); layer++) {
            write(request, layer, blocks, from, to);
            connector.worker().saveLayer(layer);
        }
        connector.worker().awaitSaves(deadlineNs);
    }

    /** Loads some tokens, in the step that computes the rest. */
    WorkerReport load(KvRequest request, BlockTable blocks, int tokens, long deadlineNs) {
        connector.scheduler().onBlocksAllocated(request, blocks, 0, tokens);
        int rest = request.promptTokens().length - tokens;
        StepPlan.Entry entry = StepPlan.entry(request, blocks, tokens, rest);
        StepMetadata step = connector.scheduler().buildStep(StepPlan.of(entry));
        connector.worker().startLoad(step);
        for (int layer = 0; layer < layout.layers(); layer++) {
            connector.worker().awaitLayer(layer, deadlineNs);
        }
        return poll();
    }

    WorkerReport poll() {
        WorkerReport report = connector.worker().pollFinished();
        connector.scheduler().onStepDone(report);
        return report;
    }

    private void write(KvRequest request, int layer, BlockTable blocks, int from, int to) {
        ByteBuffer memory = regions.get(layer).buffer();
        Cursor cursor = new Cursor(request, layer, from, to);
        for (KvLayout.Run run : layout.runs(blocks, from, to, memory.capacity())) {
            for (long i = 0; i < run.bytes(); i++) {
                memory.put((int) (run.offset() + i), cursor.next());
            }
        }
    }

    /** The first byte that isn't the model's, if there is one. */
    Optional<String> firstWrong(KvRequest request, BlockTable blocks, int tokens) {
        for (int layer = 0; layer < layout.layers(); layer++) {
            ByteBuffer memory = regions.get(layer).buffer();
            Cursor cursor = new Cursor(request, layer, 0, tokens);
            for (KvLayout.Run run : layout.runs(blocks, 0, tokens, memory.capacity())) {
                for (long i = 0; i < run.bytes(); i++) {
                    byte wanted = cursor.next();
                    byte found = memory.get((int) (run.offset() + i));
                    if (found != wanted) {
                        return Optional.of(
                                "rank=%d layer=%d %s found=%d wanted=%d"
                                        .formatted(layout.rank(), layer, cursor, found, wanted));
                    }
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        connector.close();
    }

    /** Walk over the exchanged bytes of one layer, in order. */
    private final class Cursor {
        private final KvRequest request;
        private final KvShardMap.Shard shard = layout.shard();
        private final int layer;
        private final int from;
        private final int tokens;
        private final int headBytes = (int) (layout.tokenBytes(1) / layout.arrays());
        private long at = -1;

        Cursor(KvRequest request, int layer, int from, int to) {
            this.request = request;
            this.layer = layer;
            this.from = from;
            tokens = to - from;
        }

        private long inHead() {
            return at % headBytes;
        }

        private long head() {
            return at / headBytes % layout.kvHeads();
        }

        private long token() {
            return from + at / headBytes / layout.kvHeads() % tokens;
        }

        private long array() {
            return at / headBytes / layout.kvHeads() / tokens;
        }

        byte next() {
            at++;
            long place = request.promptTokens()[(int) token()];
            place = place * 31 + shard.firstLayer() + layer;
            place = place * 31 + shard.firstHead() + head();
            place = place * 31 + array();
            place = place * 31 + inHead();
            place *= 0x9E3779B97F4A7C15L;
            return (byte) (place >>> 56);
        }

        @Override
        public String toString() {
            return "token=%d head=%d array=%d byte=%d"
                    .formatted(token(), head(), array(), inHead());
        }
    }
}
