// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.tck.EngineKv;
import io.kvlink.tck.EngineShape;
import io.kvlink.tck.FakeRequest;
import io.kvlink.tck.KvMemory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * KV that is in its blocks before a step begins, so that a step computes nothing: it only takes the
 * time. A byte's place in the pattern is its place in the request, so both ends agree on it however
 * their blocks lie. The engine's thread only.
 */
final class WireKv implements EngineKv {

    private interface PerRun {
        void accept(MemoryRegion region, Run run, long position);
    }

    private final EngineShape shape;
    private final KvMemory memory;
    private final Pattern pattern;
    private final long firstLayerNs;
    private final long spinNs;
    private final List<MemoryRegion> regions;
    private final Map<FakeRequest, BlockTable> tables = new HashMap<>();
    private final Map<FakeRequest, Long> endNs = new HashMap<>();
    private long[] saveNs = {};
    private int saves;
    private boolean stepBegun;
    private long startNs;
    private long beforeNs;

    /**
     * Memory of all layers.
     *
     * @param memory borrowed, as {@code pattern} and {@code regions} of it
     * @param firstLayerNs how long a prompt's first layer takes to compute
     * @param spinNs how long that wait spins at its end
     */
    WireKv(
            EngineShape shape,
            KvMemory memory,
            List<MemoryRegion> regions,
            Pattern pattern,
            long firstLayerNs,
            long spinNs) {
        this.shape = shape;
        this.memory = memory;
        this.regions = regions;
        this.pattern = pattern;
        this.firstLayerNs = firstLayerNs;
        this.spinNs = spinNs;
    }

    /** Says which blocks a request gets, however many requests have them already. */
    void place(FakeRequest request, BlockTable blocks) {
        tables.put(request, blocks);
    }

    /** Begins to take the time of prefill steps. */
    void expectSteps(int steps) {
        saveNs = new long[steps * shape.layout().layers()];
        saves = 0;
    }

    /** Time of each {@code saveLayer} since {@link #expectSteps}. */
    long[] saveNs() {
        return saveNs;
    }

    /** Moment before the first {@code saveLayer} since {@link #expectSteps}. */
    long startNs() {
        return startNs;
    }

    /** Moment when the engine's stream has passed a request's last {@code awaitLayer}. */
    long endNs(FakeRequest request) {
        return Objects.requireNonNull(endNs.remove(request));
    }

    @Override
    public List<MemoryRegion> regions() {
        return regions;
    }

    @Override
    public Optional<KvDevice> device() {
        return memory.device();
    }

    @Override
    public void enter() {
        memory.enter();
    }

    @Override
    public boolean hasRoomFor(FakeRequest request) {
        return true;
    }

    @Override
    public BlockTable take(FakeRequest request) {
        return Objects.requireNonNull(tables.get(request));
    }

    @Override
    public void release(FakeRequest request) {
        tables.remove(request);
    }

    @Override
    public void compute(int layer, FakeRequest request, int from, int to) {
        if (saves < saveNs.length) {
            if (!stepBegun) {
                stepBegun = true;
                Waits.until(System.nanoTime() + firstLayerNs, spinNs);
            }
            beforeNs = System.nanoTime();
            startNs = saves == 0 ? beforeNs : startNs;
        }
    }

    @Override
    public void onSaved(int layer) {
        if (saves < saveNs.length) {
            saveNs[saves++] = System.nanoTime() - beforeNs;
            stepBegun = layer < shape.layout().layers() - 1;
        }
    }

    @Override
    public void attend(int layer, FakeRequest request, int to) {
        if (layer == shape.layout().layers() - 1) {
            pattern.settle();
            endNs.put(request, System.nanoTime());
        }
    }

    /** Marks all memory as never written to. */
    void poison() {
        for (MemoryRegion region : regions) {
            pattern.fill(region, new Run(0, region.bytes()), Pattern.POISON, 0);
        }
        pattern.settle();
    }

    /** Fills the blocks of a request's tokens. */
    void fill(BlockTable blocks, int tokens, long seed) {
        each(blocks, tokens, (region, run, at) -> pattern.fill(region, run, seed, at));
        pattern.settle();
    }

    /** Words of 8 bytes of a request's tokens that aren't as {@link #fill} wrote them. */
    long differences(BlockTable blocks, int tokens, long seed) {
        each(blocks, tokens, (region, run, at) -> pattern.compare(region, run, seed, at));
        return pattern.differences();
    }

    /** Words of 8 bytes of all memory that were written to since {@link #poison}. */
    long written() {
        for (MemoryRegion region : regions) {
            pattern.compare(region, new Run(0, region.bytes()), Pattern.POISON, 0);
        }
        return pattern.differences();
    }

    private void each(BlockTable blocks, int tokens, PerRun work) {
        long position = 0;
        for (MemoryRegion region : regions) {
            for (Run run : shape.layout().runs(blocks, 0, tokens, shape.regionBytes())) {
                work.accept(region, run, position);
                position += run.bytes();
            }
        }
    }

    /** Nothing: the memory outlives the connectors over it. */
    @Override
    public void close() {}
}
