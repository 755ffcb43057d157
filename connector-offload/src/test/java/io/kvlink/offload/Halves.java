// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A connector's halves, called step by step over KV of a few bytes. One thread. */
final class Halves implements AutoCloseable {

    static final int BLOCK = 16;

    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 2, 4, DType.BF16, BLOCK);
    private static final int BLOCKS = 32;

    final KvConnector connector;
    private final List<MemoryRegion> regions = new ArrayList<>();

    /**
     * Opens a connector.
     *
     * @param blocks number of blocks that it has memory for
     */
    Halves(int blocks) {
        OffloadConfig config = new OffloadConfig(blocks * 2 * LAYOUT.layerBytes(BLOCK), BLOCK);
        connector =
                OffloadingConnector.open(
                        config,
                        KvConnectorContext.builder(LAYOUT, () -> {})
                                .hostPools(new BuddyHostPoolProvider())
                                .build());
        for (int layer = 0; layer < LAYOUT.layers(); layer++) {
            int bytes = Math.toIntExact(BLOCKS * LAYOUT.blockBytes());
            regions.add(MemoryRegion.ofBuffer(ByteBuffer.allocate(bytes)));
        }
        connector.worker().registerKvMemory(regions);
    }

    /** Adds a request, and gives it blocks and all that it is offered; returns how much that is. */
    int admit(KvRequest request, BlockTable blocks) {
        connector.scheduler().onRequestAdded(request);
        LoadDecision decision = connector.scheduler().matchedTokens(request, 0);
        int tokens = decision instanceof LoadDecision.Load load ? load.tokens() : -1;
        connector.scheduler().onBlocksAllocated(request, blocks, 0, tokens);
        return tokens;
    }

    /**
     * A step of one request.
     *
     * @param tokens ids of the tokens that it computes
     */
    WorkerReport step(KvRequest request, BlockTable blocks, int computed, int... tokens) {
        StepMetadata step =
                connector
                        .scheduler()
                        .buildStep(
                                StepPlan.of(
                                        StepPlan.entry(request, blocks, computed, tokens.length)));
        connector.worker().startLoad(step);
        for (int layer = 0; layer < LAYOUT.layers(); layer++) {
            connector.worker().awaitLayer(layer, Long.MAX_VALUE);
            for (int i = 0; i < tokens.length; i++) {
                write(layer, blocks, computed + i, tokens[i]);
            }
            connector.worker().saveLayer(layer);
        }
        connector.worker().awaitSaves(Long.MAX_VALUE);
        WorkerReport report = connector.worker().pollFinished();
        connector.scheduler().onStepDone(report);
        return report;
    }

    private void write(int layer, BlockTable blocks, int position, int token) {
        MemoryRegion region = regions.get(layer);
        for (Run run : LAYOUT.runs(blocks, position, position + 1, region.bytes())) {
            for (long at = 0; at < run.bytes(); at++) {
                region.buffer().put((int) (run.offset() + at), value(layer, position, token));
            }
        }
    }

    private static byte value(int layer, int position, int token) {
        return (byte) (17 * layer + 31 * position + token);
    }

    /** True if the blocks hold the KV of these tokens, from the first. */
    boolean holds(BlockTable blocks, int... tokens) {
        boolean right = true;
        for (int layer = 0; layer < LAYOUT.layers(); layer++) {
            MemoryRegion region = regions.get(layer);
            for (int i = 0; i < tokens.length; i++) {
                for (Run run : LAYOUT.runs(blocks, i, i + 1, region.bytes())) {
                    for (long at = 0; at < run.bytes(); at++) {
                        byte is = region.buffer().get((int) (run.offset() + at));
                        right &= is == value(layer, i, tokens[i]);
                    }
                }
            }
        }
        return right;
    }

    @Override
    public void close() {
        connector.close();
    }
}
