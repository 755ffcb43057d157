// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import io.kvlink.tck.KvMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * One rank of an instance, with its own memory and connector. Its KV's bytes follow from the place
 * that an element has in the whole model.
 */
final class Rank implements AutoCloseable {

    private static final int BLOCKS = 64;

    private static final byte UNTOUCHED = 0x5E;
    private static final byte SOMEBODY_ELSES = 0x11;

    final List<KvLayerGroup> groups;
    final KvConnector connector;
    private final KvMemory memory;
    private final List<MemoryRegion> regions = new ArrayList<>();

    /**
     * Opens a connector.
     *
     * @param groups of its layers
     * @param memory for its KV; taken
     * @param config of the connector
     * @param chunk tokens computed at once; 0 for a whole prompt
     * @param wakeup told when something may have changed
     */
    Rank(
            List<KvLayerGroup> groups,
            KvMemory memory,
            Map<String, Object> config,
            int chunk,
            Runnable wakeup) {
        this.groups = groups;
        this.memory = memory;
        connector =
                new P2pNcclConnectorProvider()
                        .create(
                                KvTransferConfig.of(config),
                                KvConnectorContext.ofGroups(groups, wakeup)
                                        .prefillChunk(chunk)
                                        .device(memory.device())
                                        .build());
        for (int layer = 0; layer < layers(); layer++) {
            long bytes = BLOCKS * groups.get(groupOf(layer)).layout().blockBytes();
            MemoryRegion region = memory.allocate(1, bytes).get(0);
            byte[] untouched = new byte[Math.toIntExact(bytes)];
            Arrays.fill(untouched, UNTOUCHED);
            memory.write(region, List.of(new KvLayout.Run(0, bytes)), untouched);
            regions.add(region);
        }
        connector.worker().registerKvMemory(regions);
    }

    private int layers() {
        return groups.stream().mapToInt(group -> group.layers().size()).sum();
    }

    private int groupOf(int layer) {
        return IntStream.range(0, groups.size())
                .filter(number -> groups.get(number).indexOf(layer) >= 0)
                .findFirst()
                .orElseThrow();
    }

    /** Bytes of some tokens of a prompt that are moved, in all layers. */
    long bytes(int tokens, int promptTokens) {
        return groups.stream()
                .mapToLong(
                        group ->
                                group.layout().layers()
                                        * group.layout()
                                                .layerBytes(
                                                        tokens - group.firstNeeded(promptTokens)))
                .sum();
    }

    HostPort instance() {
        return connector.address().orElseThrow();
    }

    /**
     * Computes some tokens in one step and saves what the connector wants of them. Tokens that a
     * window has left behind are somebody else's from then on.
     */
    void prefill(KvRequest request, BlockTable blocks, int from, int to, long deadlineNs) {
        StepPlan.Entry entry = StepPlan.entry(request, blocks, from, to - from);
        StepMetadata step = connector.scheduler().buildStep(StepPlan.of(entry));
        connector.worker().startLoad(step);
        for (int layer = 0; layer < layers(); layer++) {
            write(new Cursor(request, layer, from, to), blocks, Cursor::next);
            connector.worker().saveLayer(layer);
        }
        connector.worker().awaitSaves(deadlineNs);
        for (int layer = 0; layer < layers(); layer++) {
            int last = Math.min(to, request.transferTokens());
            int left = groups.get(groupOf(layer)).firstNeeded(last);
            write(new Cursor(request, layer, 0, left), blocks, cursor -> SOMEBODY_ELSES);
        }
    }

    /** Loads some tokens, in the step that computes the rest. */
    WorkerReport load(KvRequest request, BlockTable blocks, int tokens, long deadlineNs) {
        connector.scheduler().onBlocksAllocated(request, blocks, 0, tokens);
        int rest = request.promptTokens().length - tokens;
        StepPlan.Entry entry = StepPlan.entry(request, blocks, tokens, rest);
        StepMetadata step = connector.scheduler().buildStep(StepPlan.of(entry));
        connector.worker().startLoad(step);
        for (int layer = 0; layer < layers(); layer++) {
            connector.worker().awaitLayer(layer, deadlineNs);
        }
        return poll();
    }

    WorkerReport poll() {
        WorkerReport report = connector.worker().pollFinished();
        connector.scheduler().onStepDone(report);
        return report;
    }

    private void write(Cursor cursor, BlockTable blocks, ToIntFunction<Cursor> value) {
        List<KvLayout.Run> runs = cursor.runs(blocks);
        byte[] content = new byte[(int) runs.stream().mapToLong(KvLayout.Run::bytes).sum()];
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) value.applyAsInt(cursor);
        }
        memory.write(regions.get(cursor.layer), runs, content);
    }

    /** The first byte that isn't the model's, or was touched without need, if there is one. */
    Optional<String> firstWrong(KvRequest request, BlockTable blocks, int tokens) {
        for (int layer = 0; layer < layers(); layer++) {
            int first = groups.get(groupOf(layer)).firstNeeded(request.transferTokens());
            Cursor needed = new Cursor(request, layer, first, tokens);
            Cursor others = new Cursor(request, layer, 0, first);
            Optional<String> wrong =
                    firstWrong(needed, blocks, Cursor::next)
                            .or(() -> firstWrong(others, blocks, cursor -> UNTOUCHED));
            if (wrong.isPresent()) {
                return wrong;
            }
        }
        return Optional.empty();
    }

    private Optional<String> firstWrong(
            Cursor cursor, BlockTable blocks, ToIntFunction<Cursor> value) {
        byte[] bytes = memory.read(regions.get(cursor.layer)).get();
        for (KvLayout.Run run : cursor.runs(blocks)) {
            for (long i = 0; i < run.bytes(); i++) {
                int wanted = value.applyAsInt(cursor);
                byte found = bytes[(int) (run.offset() + i)];
                if (found != wanted) {
                    return Optional.of(
                            "rank=%d layer=%d %s found=%d wanted=%d"
                                    .formatted(
                                            groups.get(0).layout().rank(),
                                            cursor.layer,
                                            cursor,
                                            found,
                                            wanted));
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        connector.close();
        memory.close();
    }

    /** Walk over the exchanged bytes of one layer, in order. */
    private final class Cursor {
        private final KvRequest request;
        private final int layer;
        private final int number;
        private final KvLayout layout;
        private final int from;
        private final int to;
        private final int headBytes;
        private long at = -1;

        Cursor(KvRequest request, int layer, int from, int to) {
            this.request = request;
            this.layer = layer;
            this.from = from;
            this.to = to;
            number = groupOf(layer);
            layout = groups.get(number).layout();
            headBytes = (int) (layout.tokenBytes(1) / layout.arrays());
        }

        List<KvLayout.Run> runs(BlockTable blocks) {
            long bytes = regions.get(layer).bytes();
            return layout.runs(blocks.group(number), from, to, bytes);
        }

        private long inHead() {
            return at % headBytes;
        }

        private long head() {
            return at / headBytes % layout.kvHeads();
        }

        private long token() {
            return from + at / headBytes / layout.kvHeads() % (to - from);
        }

        private long array() {
            return at / headBytes / layout.kvHeads() / (to - from);
        }

        byte next() {
            at++;
            KvShardMap.Shard shard = layout.shard();
            long place = request.promptTokens()[(int) token()] * 31L + number;
            place = place * 31 + shard.firstLayer() + groups.get(number).indexOf(layer);
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
