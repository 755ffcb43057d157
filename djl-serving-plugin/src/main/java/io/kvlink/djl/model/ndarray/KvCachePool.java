// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The KV memory of one model, on the device that computes: for each layer one run of bytes that the
 * engine sees, without a copy, as an array {@code [2, slots, kvHeads, headDim]} of the type that
 * the model is computed in; a slot holds one token.
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
public final class KvCachePool implements AutoCloseable {
    /** Tokens in a block. */
    public static final int BLOCK_TOKENS = 16;

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
    public static KvCachePool open(ModelConfig config, int tokens, Device device) {
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
            return new KvCachePool(manager, config, blocksFor(tokens));
        } catch (RuntimeException | Error cause) {
            manager.close();
            throw cause;
        }
    }

    /** The same in host memory, for a model that is computed on the CPU. */
    public static KvCachePool open(ModelConfig config, int tokens) {
        return open(config, tokens, Device.cpu());
    }

    /** Blocks that {@code tokens} tokens need. */
    public static int blocksFor(int tokens) {
        return Math.toIntExact(((long) tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
    }

    /**
     * Takes the lowest contiguous run of blocks in which {@code tokens} tokens fit; null if there
     * is none, which is no error. Its bytes are what the previous owner left.
     */
    public @Nullable KvSlots allocate(int tokens) {
        if (tokens <= 0) {
            throw new IllegalArgumentException("tokens=%d allowed=1 or more".formatted(tokens));
        }
        int blocks = blocksFor(tokens);
        int first = runs.take(blocks);
        return first == BlockRuns.NO_ROOM ? null : new KvSlots(this, first, blocks);
    }

    /**
     * Slots for more tokens with the KV of the first {@code filled} ones: the same blocks with the
     * ones behind them, or else other blocks, to which the KV is copied. What was handed out before
     * is no longer valid then. Nobody else may use the bytes meanwhile.
     *
     * <p>If the copy fails, as a device may have no memory for it, the slots stay the caller's, but
     * what is in them isn't known any more.
     *
     * @param tokens more than fit now
     * @return null if there is no room, which is no error; the slots are then as they were
     */
    public @Nullable KvSlots grow(KvSlots slots, int tokens, int filled) {
        KvSlots here = growInPlace(slots, tokens);
        if (here != null) {
            return here;
        }
        int blocks = blocksFor(tokens);
        int first = runs.replace(slots.firstBlock(), slots.blocks(), blocks);
        if (first == BlockRuns.NO_ROOM) {
            return null;
        }
        KvSlots grown = new KvSlots(this, first, blocks);
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

    /** The same without a copy: null if the blocks behind aren't free. */
    public @Nullable KvSlots growInPlace(KvSlots slots, int tokens) {
        slots.requireHeld();
        int blocks = blocksFor(tokens);
        if (!runs.extend(slots.firstBlock(), slots.blocks(), blocks - slots.blocks())) {
            return null;
        }
        slots.handOver();
        return new KvSlots(this, slots.firstBlock(), blocks);
    }

    /**
     * Slots for more tokens with a copy of the KV of the first {@code filled} ones; the old slots
     * stay the caller's. For blocks that somebody else still reads.
     *
     * @return null if there is no room, which is no error
     */
    public @Nullable KvSlots copy(KvSlots slots, int tokens, int filled) {
        slots.requireHeld();
        KvSlots grown = allocate(tokens);
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

    void reclaim(KvSlots slots) {
        runs.giveBack(slots.firstBlock(), slots.blocks());
    }

    /** The device that the memory is on. */
    public Device device() {
        return manager.getDevice();
    }

    /** The layer's bytes, of {@link #device}'s memory. */
    public MemoryRegion layerRegion(int layer) {
        return memory.get(layer).region();
    }

    NDArray layerArray(int layer) {
        return memory.get(layer).array();
    }

    int liveArrays() {
        return manager.getManagedArrays().size();
    }

    /** Whether the pool has a slot's shape for this model. */
    boolean fits(ModelConfig config) {
        Shape shape = layerArray(0).getShape();
        return layers() == config.layers()
                && type == config.computeType()
                && shape.get(2) == config.kvHeads()
                && shape.get(3) == config.headDim();
    }

    /** Layers, each with a region of its own. */
    public int layers() {
        return memory.size();
    }

    /** Bytes of the K (or of the V) of one block in one layer. */
    public int blockBytes() {
        return tokenBytes * BLOCK_TOKENS;
    }

    /** Bytes of the K (or of the V) of one token in one layer. */
    public int tokenBytes() {
        return tokenBytes;
    }

    /** Offset of a block's K in its layer's region. */
    public int keyOffset(int block) {
        return block * blockBytes();
    }

    /** Offset of a block's V in its layer's region. */
    public int valueOffset(int block) {
        return (totalBlocks() + block) * blockBytes();
    }

    public int totalBlocks() {
        return runs.size();
    }

    public int usedBlocks() {
        return runs.used();
    }

    public int freeBlocks() {
        return runs.size() - runs.used();
    }

    /** Frees the memory; closing again does nothing. The connector is closed before. */
    @Override
    public void close() {
        manager.close();
    }
}
