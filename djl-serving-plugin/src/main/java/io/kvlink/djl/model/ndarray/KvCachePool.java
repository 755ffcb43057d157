// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Contiguous KV memory of one model, on the device that computes. Each layer has one run of bytes;
 * a slot of it holds one token. The engine sees it, without a copy, as an array {@code [2, slots,
 * kvHeads, headDim]} of the type that the model is computed in.
 *
 * <pre>
 *  layer's region:  | K block 0 | K block 1 | ... | K block n-1 | V block 0 | ... | V block n-1 |
 *  K or V block:    | 16 tokens x kvHeads x headDim numbers, {@link #blockBytes()} bytes        |
 * </pre>
 *
 * <p>A sequence's blocks are contiguous on purpose: attention then reads views instead of gathering
 * copies. Every block starts at a multiple of 64 bytes, wherever it lies, so that the math library
 * takes the same path, and gives the same bits, for a sequence at any place.
 *
 * <p>One thread allocates, releases and computes; counters may be read from any thread. The bytes
 * themselves may be moved by a connector's thread between a layer hook's two calls.
 *
 * <p>The memory is DJL's arrays: {@link #close} frees it, so a connector that was told of it is
 * closed first, and nothing reads a region afterwards.
 */
final class KvCachePool implements KvMemory, AutoCloseable {
    private final NDManager manager;
    private final List<KvLayerMemory> memory;
    private final BlockRuns runs;
    private final int tokenBytes;
    private final ComputeType type;

    private KvCachePool(NDManager manager, ModelConfig config, int blocks) {
        this.manager = manager;
        this.runs = new BlockRuns(blocks);
        this.type = config.computeType();
        int elementBytes = type.kvType().bytes();
        this.tokenBytes = Math.multiplyExact(config.kvHeads() * elementBytes, config.headDim());
        this.memory = new ArrayList<>();
        Shape shape =
                new Shape(2, (long) blocks * BLOCK_TOKENS, config.kvHeads(), config.headDim());
        for (int layer = 0; layer < config.layers(); layer++) {
            memory.add(KvLayerMemory.allocate(manager, shape, config.computeType()));
        }
        // A connector's streams don't wait for the engine's, where the zeros are on their way.
        Scratch.open(manager).close();
    }

    /**
     * Allocates memory for {@code tokens} tokens, rounded up to whole blocks, zeroed.
     *
     * @param device the CPU, or the GPU that the model is computed on
     * @throws IllegalArgumentException if that is none, or more than 2 GiB a layer
     * @throws ModelLoadException if DJL's engine doesn't see that GPU
     */
    static KvCachePool open(ModelConfig config, int tokens, Device device) {
        long slots = ((long) tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS * BLOCK_TOKENS;
        long elements = 2 * slots * config.kvHeads() * config.headDim();
        long layerBytes = elements * config.computeType().kvType().bytes();
        if (tokens <= 0 || layerBytes > Integer.MAX_VALUE - KvLayerMemory.ALIGNMENT) {
            throw new IllegalArgumentException(
                    "tokens=%d layerBytes=%d allowed=more than 0 tokens, less than 2 GiB a layer"
                            .formatted(tokens, layerBytes));
        }
        NDManager manager = PyTorchRuntime.newManager(device);
        try {
            return new KvCachePool(manager, config, KvMemory.blocksFor(tokens));
        } catch (RuntimeException | Error cause) {
            manager.close();
            throw cause;
        }
    }

    /** Opens a pool in host memory, for a model that is computed on the CPU. */
    static KvCachePool open(ModelConfig config, int tokens) {
        return open(config, tokens, Device.cpu());
    }

    /** Takes the lowest contiguous run of blocks in which {@code tokens} tokens fit. */
    @Override
    public @Nullable KvRun allocate(int tokens) {
        if (tokens <= 0) {
            throw new IllegalArgumentException("tokens=%d allowed=1 or more".formatted(tokens));
        }
        int blocks = KvMemory.blocksFor(tokens);
        int first = runs.take(blocks);
        return first == BlockRuns.NO_ROOM ? null : new KvRun(this, first, blocks);
    }

    /**
     * Gives a sequence slots for more tokens, with the KV of the first {@code filled} ones. The
     * sequence keeps its blocks and gets the ones behind them. Else it gets other blocks, to which
     * the KV is copied; slots that were handed out before are no longer valid then. Nobody else may
     * use the bytes meanwhile.
     *
     * <p>If the copy fails, as a device may have no memory for it, the slots stay the caller's, but
     * what is in them isn't known any more.
     *
     * @param tokens more than fit now
     * @return null if there is no room, which is no error; the slots are then as they were
     */
    @Override
    public @Nullable KvRun grow(KvSlots grownSlots, int tokens, int filled) {
        KvRun slots = own(grownSlots);
        KvRun here = growInPlace(slots, tokens);
        if (here != null) {
            return here;
        }
        int blocks = KvMemory.blocksFor(tokens);
        int first = runs.replace(slots.firstBlock(), slots.blocks(), blocks);
        if (first == BlockRuns.NO_ROOM) {
            return null;
        }
        KvRun grown = new KvRun(this, first, blocks);
        try {
            copy(slots.firstSlot(), grown.firstSlot(), filled);
        } catch (RuntimeException | Error cause) {
            runs.giveBack(first, blocks);
            runs.retake(slots.firstBlock(), slots.blocks());
            throw cause;
        }
        slots.handOver();
        return grown;
    }

    @Override
    public @Nullable KvRun growInPlace(KvSlots grownSlots, int tokens) {
        KvRun slots = own(grownSlots);
        slots.requireHeld();
        int blocks = KvMemory.blocksFor(tokens);
        if (!runs.extend(slots.firstBlock(), slots.blocks(), blocks - slots.blocks())) {
            return null;
        }
        slots.handOver();
        return new KvRun(this, slots.firstBlock(), blocks);
    }

    @Override
    public @Nullable KvRun copy(KvSlots copied, int tokens, int filled) {
        KvRun slots = own(copied);
        slots.requireHeld();
        KvRun grown = allocate(tokens);
        if (grown == null) {
            return null;
        }
        try {
            copy(slots.firstSlot(), grown.firstSlot(), filled);
        } catch (RuntimeException | Error cause) {
            grown.release();
            throw cause;
        }
        return grown;
    }

    /**
     * Sequence that has the blocks right behind another's. With them the other needn't move. For
     * room elsewhere, as much as it has already, many might have to give way.
     */
    @Override
    public int inTheWay(KvSlots slots, List<KvSlots> others) {
        KvRun run = own(slots);
        int end = run.firstBlock() + run.blocks();
        for (int i = 0; i < others.size(); i++) {
            if (own(others.get(i)).firstBlock() == end) {
                return i;
            }
        }
        return -1;
    }

    private KvRun own(KvSlots slots) {
        if (slots instanceof KvRun run && run.pool() == this) {
            return run;
        }
        throw new IllegalArgumentException("slots of another memory: " + slots);
    }

    /** The two ranges may overlap. */
    private void copy(long from, long to, long tokens) {
        try (Scratch scratch = Scratch.open(manager)) {
            for (KvLayerMemory layer : memory) {
                NDArray source = TorchOps.slice(layer.array(), 1, from, from + tokens);
                source.attach(scratch.manager());
                // Not all layers' copies at once: a device may have no memory for them.
                try (NDArray copied = source.duplicate()) {
                    TorchOps.putColumns(layer.array(), to, copied);
                }
            }
        }
    }

    void reclaim(KvRun slots) {
        runs.giveBack(slots.firstBlock(), slots.blocks());
    }

    /** The device that the memory is on. */
    Device place() {
        return manager.getDevice();
    }

    /** The engine computes on its default stream: nothing tells libtorch otherwise. */
    @Override
    public Optional<KvDevice> device() {
        Device place = place();
        return place.isGpu() ? Optional.of(new KvDevice(place.getDeviceId(), 0)) : Optional.empty();
    }

    @Override
    public MemoryRegion layerRegion(int layer) {
        return memory.get(layer).region();
    }

    NDArray layerArray(int layer) {
        return memory.get(layer).array();
    }

    int liveArrays() {
        return manager.getManagedArrays().size();
    }

    /** True if the pool has a slot's shape for this model. */
    boolean fits(ModelConfig config) {
        Shape shape = layerArray(0).getShape();
        return layers() == config.layers()
                && type == config.computeType()
                && shape.get(2) == config.kvHeads()
                && shape.get(3) == config.headDim();
    }

    @Override
    public int layers() {
        return memory.size();
    }

    /** Bytes of the K (or of the V) of one block in one layer. */
    int blockBytes() {
        return tokenBytes * BLOCK_TOKENS;
    }

    /** Bytes of the K (or of the V) of one token in one layer. */
    int tokenBytes() {
        return tokenBytes;
    }

    /** Offset of a block's K in its layer's region. */
    int keyOffset(int block) {
        return block * blockBytes();
    }

    /** Offset of a block's V in its layer's region. */
    int valueOffset(int block) {
        return (totalBlocks() + block) * blockBytes();
    }

    @Override
    public int totalBlocks() {
        return runs.size();
    }

    @Override
    public int usedBlocks() {
        return runs.used();
    }

    /** Frees the memory; closing again does nothing. The connector is closed before. */
    @Override
    public void close() {
        manager.close();
    }
}
