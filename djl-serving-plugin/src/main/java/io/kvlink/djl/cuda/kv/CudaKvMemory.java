// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.kv;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * KV memory of a GPU in blocks that need no neighbours: a sequence grows by any free block, and
 * nothing is ever moved. Each {@link KvSlots} has a row of the device's block tables, which this
 * keeps up to date by copies on the decoder's stream. The decoder's thread; counters from any.
 *
 * <p>Invariant: a block is free or of exactly one {@link CudaSlots} that isn't released.
 */
public final class CudaKvMemory implements KvMemory, AutoCloseable {
    private final Gpu device;
    private final long stream;
    private final List<MemoryRegion> layers = new ArrayList<>();
    private final FreeBlocks free;
    private final BitSet usedTables = new BitSet();
    private final long tables;
    private final int tableCount;
    private final int maxBlocks;
    private final TableWriter writer;
    private final long blockBytes;
    private Consumer<Throwable> failed = cause -> {};

    /**
     * Allocates. The memory's content doesn't matter: no kernel reads a token that wasn't written.
     *
     * @param blocks of each layer
     * @param sequences most that have slots at a time
     * @throws io.kvlink.cuda.CudaException if there is no memory; nothing is kept then
     */
    public CudaKvMemory(Gpu device, long stream, ModelConfig config, int blocks, int sequences) {
        this.device = device;
        this.stream = stream;
        this.free = new FreeBlocks(blocks);
        this.tableCount = Math.min(sequences, blocks);
        this.maxBlocks = Math.min(blocks, KvMemory.blocksFor(config.contextLength()) + 1);
        this.blockBytes = blockBytes(config);
        this.writer = new TableWriter(device, stream);
        long allocatedTables = 0;
        try {
            allocatedTables = device.allocate((long) tableCount * maxBlocks * Integer.BYTES);
            long bytes = 2L * blocks * blockBytes;
            for (int layer = 0; layer < config.layers(); layer++) {
                long address = device.allocate(bytes);
                layers.add(MemoryRegion.ofDevice(device.ordinal(), address, bytes));
            }
        } catch (RuntimeException | Error cause) {
            if (allocatedTables != 0) {
                device.free(allocatedTables);
            }
            freeLayers();
            writer.close();
            throw cause;
        }
        this.tables = allocatedTables;
    }

    /** Bytes of the K (or of the V) of one block in one layer. */
    public static long blockBytes(ModelConfig config) {
        return (long) BLOCK_TOKENS
                * config.kvHeads()
                * config.headDim()
                * config.computeType().kvType().bytes();
    }

    /** Lets a listener hear of all that the driver refuses from now on. */
    public void onFailure(Consumer<Throwable> told) {
        failed = told;
    }

    /** Takes blocks for a sequence. If this throws, nothing was taken. */
    @Override
    public @Nullable KvSlots allocate(int tokens) {
        if (tokens <= 0) {
            throw new IllegalArgumentException("tokens=%d allowed=1 or more".formatted(tokens));
        }
        int table = usedTables.nextClearBit(0);
        int wanted = KvMemory.blocksFor(tokens);
        if (table >= tableCount || wanted > maxBlocks || wanted > free.count()) {
            return null;
        }
        int[] blocks = taken(wanted, table, 0);
        usedTables.set(table);
        return new CudaSlots(this, table, blocks);
    }

    /** Blocks that are in a table from an index on. */
    private int[] taken(int wanted, int table, int index) {
        int[] blocks = free.take(wanted);
        try {
            writer.write(tableAddress(table, index), blocks);
            return blocks;
        } catch (RuntimeException | Error cause) {
            free.giveBack(blocks);
            failed.accept(cause);
            throw cause;
        }
    }

    @Override
    public @Nullable KvSlots grow(KvSlots slots, int tokens, int filled) {
        return growInPlace(slots, tokens);
    }

    /** Takes further blocks for a sequence. If this throws, the slots are as they were. */
    @Override
    public @Nullable KvSlots growInPlace(KvSlots slots, int tokens) {
        CudaSlots own = held(slots);
        int more = KvMemory.blocksFor(tokens) - own.blocks();
        if (more > free.count() || own.blocks() + more > maxBlocks) {
            return null;
        }
        return own.extended(taken(Math.max(0, more), own.table(), own.blocks()));
    }

    @Override
    public @Nullable KvSlots copy(KvSlots slots, int tokens, int filled) {
        CudaSlots from = held(slots);
        KvSlots copied = allocate(tokens);
        if (copied == null) {
            return null;
        }
        try {
            copy(from, held(copied), KvMemory.blocksFor(filled));
            return copied;
        } catch (RuntimeException | Error cause) {
            copied.release();
            failed.accept(cause);
            throw cause;
        }
    }

    private void copy(CudaSlots from, CudaSlots to, int blocks) {
        for (MemoryRegion layer : layers) {
            for (int i = 0; i < blocks; i++) {
                int source = from.blockNumbers()[i];
                int target = to.blockNumbers()[i];
                copyBlock(layer.address(), source, target);
                copyBlock(layer.address() + layer.bytes() / 2, source, target);
            }
        }
    }

    private void copyBlock(long half, int from, int to) {
        device.copy(half + to * blockBytes, half + from * blockBytes, blockBytes, stream);
    }

    @Override
    public int inTheWay(KvSlots slots, List<KvSlots> others) {
        return -1; // Any free block will do.
    }

    @Override
    public int layers() {
        return layers.size();
    }

    @Override
    public MemoryRegion layerRegion(int layer) {
        return layers.get(layer);
    }

    /** Elements from a layer's keys to its values. */
    public long valueOffset(int elementBytes) {
        return layers.get(0).bytes() / 2 / elementBytes;
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.of(new KvDevice(device.ordinal(), stream));
    }

    @Override
    public int totalBlocks() {
        return free.total();
    }

    @Override
    public int usedBlocks() {
        return free.total() - free.count();
    }

    /** Address of the block tables, {@code int[sequences][maxBlocks]}. */
    public long tables() {
        return tables;
    }

    /** Most blocks of one sequence. */
    public int maxBlocks() {
        return maxBlocks;
    }

    /** The slots as this memory made them. */
    public CudaSlots held(KvSlots slots) {
        if (!(slots instanceof CudaSlots own) || !own.heldOf(this)) {
            throw new IllegalStateException("released, or of another memory: " + slots);
        }
        return own;
    }

    void reclaim(CudaSlots slots) {
        free.giveBack(slots.blockNumbers());
        usedTables.clear(slots.table());
    }

    private long tableAddress(int table, int index) {
        return tables + ((long) table * maxBlocks + index) * Integer.BYTES;
    }

    private void freeLayers() {
        layers.forEach(layer -> device.free(layer.address()));
        layers.clear();
    }

    /** Frees the memory; the stream is idle, and the connector closed. */
    @Override
    public void close() {
        if (!layers.isEmpty()) {
            freeLayers();
            device.free(tables);
            writer.close();
        }
    }
}
