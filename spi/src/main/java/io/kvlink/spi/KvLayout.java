// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Order and size of the KV that an engine keeps for one model. Two instances exchange KV only if
 * {@link #firstDifference} finds none.
 *
 * <p>On the way between instances one layer of a token range is always {@code
 * [2][tokens][kvHeads][headSize]}, keys first. Axis order and block size at either end don't
 * matter. {@link #runs} says where these bytes lie in an engine's memory, in that order.
 */
public final class KvLayout {

    private final String model;
    private final int layers;
    private final int kvHeads;
    private final int headSize;
    private final DType dtype;
    private final AxisOrder axisOrder;
    private final int blockSize;
    private final int tpRank;
    private final int tpSize;
    private final int ppRank;
    private final int ppSize;

    /** Order of the axes of one layer's memory. */
    public enum AxisOrder {
        /** {@code [2, blocks, blockSize, kvHeads, headSize]}: all keys, then all values. */
        KV_FIRST,
        /**
         * {@code [blocks, 2, blockSize, kvHeads, headSize]}: keys and values of a block together.
         */
        BLOCK_FIRST
    }

    /**
     * Bytes in a row of one layer's memory.
     *
     * @param offset from the start of the layer's region
     * @param bytes how many
     */
    public record Run(long offset, long bytes) {}

    private KvLayout(Builder from) {
        model = from.model;
        layers = from.layers;
        kvHeads = from.kvHeads;
        headSize = from.headSize;
        dtype = from.dtype;
        axisOrder = from.axisOrder;
        blockSize = from.blockSize;
        tpRank = from.tpRank;
        tpSize = from.tpSize;
        ppRank = from.ppRank;
        ppSize = from.ppSize;
        require(!model.isEmpty(), "model", model);
        require(layers > 0, "layers", layers);
        require(kvHeads > 0, "kvHeads", kvHeads);
        require(headSize > 0, "headSize", headSize);
        require(blockSize > 0 && Integer.bitCount(blockSize) == 1, "blockSize", blockSize);
        require(tpSize > 0 && tpRank >= 0 && tpRank < tpSize, "tpRank", tpRank + "/" + tpSize);
        require(ppSize > 0 && ppRank >= 0 && ppRank < ppSize, "ppRank", ppRank + "/" + ppSize);
    }

    /**
     * Builder of a layout without parallel ranks, keys first.
     *
     * @param model see {@link #model}
     * @param layers see {@link #layers}
     * @param kvHeads see {@link #kvHeads}
     * @param headSize see {@link #headSize}
     * @param dtype see {@link #dtype}
     * @param blockSize see {@link #blockSize}
     */
    public static Builder builder(
            String model, int layers, int kvHeads, int headSize, DType dtype, int blockSize) {
        return new Builder(model, layers, kvHeads, headSize, dtype, blockSize);
    }

    /**
     * Layout of an engine without tensor or pipeline parallelism, keys first. Parameters as above.
     *
     * @param model identifies the weights
     * @param layers how many layers
     * @param kvHeads KV heads
     * @param headSize elements of one head
     * @param dtype element type
     * @param blockSize tokens in a block, a power of two
     */
    public static KvLayout single(
            String model, int layers, int kvHeads, int headSize, DType dtype, int blockSize) {
        return builder(model, layers, kvHeads, headSize, dtype, blockSize).build();
    }

    /**
     * Name of what the KV is compatible with: {@code kv_model_id}, or else a digest of the weights.
     * Compared, never parsed.
     */
    public String model() {
        return model;
    }

    /** Number of layers that hold KV here. */
    public int layers() {
        return layers;
    }

    /** KV heads of this rank. */
    public int kvHeads() {
        return kvHeads;
    }

    /** Elements of one head. */
    public int headSize() {
        return headSize;
    }

    /** Element type. */
    public DType dtype() {
        return dtype;
    }

    /** Order of the axes in the engine's memory. */
    public AxisOrder axisOrder() {
        return axisOrder;
    }

    /** Tokens in a block, a power of two. */
    public int blockSize() {
        return blockSize;
    }

    /** Tensor-parallel rank of this instance's memory. */
    public int tpRank() {
        return tpRank;
    }

    /** Number of tensor-parallel ranks. */
    public int tpSize() {
        return tpSize;
    }

    /** Pipeline-parallel rank of this instance's memory. */
    public int ppRank() {
        return ppRank;
    }

    /** Number of pipeline-parallel ranks. */
    public int ppSize() {
        return ppSize;
    }

    /** Bytes of one token in one layer: keys and values. */
    public long tokenBytes() {
        return 2 * halfTokenBytes();
    }

    /**
     * Bytes of a token range in one layer.
     *
     * @param tokens how many tokens, from 0
     */
    public long layerBytes(int tokens) {
        return Math.multiplyExact(tokenBytes(), (long) tokens);
    }

    /** Bytes of one block in one layer: keys and values. */
    public long blockBytes() {
        return layerBytes(blockSize);
    }

    /**
     * Compares with a peer's layout in all that must be equal for an exchange. Axis order and block
     * size may differ.
     *
     * @param other the peer's
     * @return {@code field=ours/theirs}, or empty if the two can exchange KV
     */
    public String firstDifference(KvLayout other) {
        String[] names = {"model", "layers", "kvHeads", "headSize", "dtype", "tp", "pp"};
        Object[] ours = comparable();
        Object[] theirs = other.comparable();
        for (int i = 0; i < names.length; i++) {
            if (!ours[i].equals(theirs[i])) {
                return names[i] + "=" + ours[i] + "/" + theirs[i];
            }
        }
        return "";
    }

    /**
     * Byte runs of a token range in a layer's memory, in the order of the exchanged bytes. Runs
     * that touch are joined.
     *
     * @param blocks the sequence's blocks
     * @param from the first token, from 0
     * @param to one past the last token, at most the tokens of the blocks
     * @param regionBytes size of the layer's region
     * @return the runs; their bytes add up to {@link #layerBytes layerBytes(to - from)}
     * @throws IndexOutOfBoundsException if a token isn't inside the blocks, or a block isn't inside
     *     the region
     */
    public List<Run> runs(BlockTable blocks, int from, int to, long regionBytes) {
        Objects.checkFromToIndex(from, to, Math.multiplyExact(blocks.size(), blockSize));
        List<Run> runs = new ArrayList<>(2);
        long blocksInRegion = regionBytes / blockBytes();
        for (int half = 0; half < 2; half++) {
            for (int token = from; token < to; ) {
                int block = blocks.block(token / blockSize);
                Objects.checkIndex(block, blocksInRegion);
                int inBlock = token % blockSize;
                int count = Math.min(blockSize - inBlock, to - token);
                long row =
                        axisOrder == AxisOrder.KV_FIRST
                                ? half * blocksInRegion + block
                                : 2L * block + half;
                append(
                        runs,
                        (row * blockSize + inBlock) * halfTokenBytes(),
                        count * halfTokenBytes());
                token += count;
            }
        }
        return runs;
    }

    private static void append(List<Run> runs, long offset, long bytes) {
        if (!runs.isEmpty()) {
            Run last = runs.get(runs.size() - 1);
            if (last.offset + last.bytes == offset) {
                runs.set(runs.size() - 1, new Run(last.offset, last.bytes + bytes));
                return;
            }
        }
        runs.add(new Run(offset, bytes));
    }

    private Object[] comparable() {
        return new Object[] {
            model,
            layers,
            kvHeads,
            headSize,
            dtype,
            tpRank + " of " + tpSize,
            ppRank + " of " + ppSize
        };
    }

    // Keys or values of one token in one layer.
    private long halfTokenBytes() {
        return Math.multiplyExact((long) kvHeads * headSize, dtype.bytes());
    }

    private static void require(boolean holds, String field, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(field + "=" + value);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvLayout layout
                && Arrays.equals(comparable(), layout.comparable())
                && axisOrder == layout.axisOrder
                && blockSize == layout.blockSize;
    }

    @Override
    public int hashCode() {
        return Objects.hash(Arrays.hashCode(comparable()), axisOrder, blockSize);
    }

    @Override
    public String toString() {
        return "KvLayout[model=%s layers=%d kvHeads=%d headSize=%d dtype=%s axisOrder=%s blockSize=%d tp=%d/%d pp=%d/%d]"
                .formatted(
                        model, layers, kvHeads, headSize, dtype, axisOrder, blockSize, tpRank,
                        tpSize, ppRank, ppSize);
    }

    /** Builder of a KvLayout; one thread. */
    public static final class Builder {

        private final String model;
        private final int layers;
        private final int kvHeads;
        private final int headSize;
        private final DType dtype;
        private final int blockSize;
        private AxisOrder axisOrder = AxisOrder.KV_FIRST;
        private int tpRank;
        private int tpSize = 1;
        private int ppRank;
        private int ppSize = 1;

        private Builder(
                String model, int layers, int kvHeads, int headSize, DType dtype, int blockSize) {
            this.model = model;
            this.layers = layers;
            this.kvHeads = kvHeads;
            this.headSize = headSize;
            this.dtype = dtype;
            this.blockSize = blockSize;
        }

        /** Sets {@link KvLayout#axisOrder}. */
        public Builder axisOrder(AxisOrder order) {
            axisOrder = order;
            return this;
        }

        /** Sets {@link KvLayout#tpRank} and {@link KvLayout#tpSize}. */
        public Builder tensorParallel(int rank, int size) {
            tpRank = rank;
            tpSize = size;
            return this;
        }

        /** Sets {@link KvLayout#ppRank} and {@link KvLayout#ppSize}. */
        public Builder pipelineParallel(int rank, int size) {
            ppRank = rank;
            ppSize = size;
            return this;
        }

        /**
         * The layout.
         *
         * @throws IllegalArgumentException if a component is out of its range
         */
        public KvLayout build() {
            return new KvLayout(this);
        }
    }
}
