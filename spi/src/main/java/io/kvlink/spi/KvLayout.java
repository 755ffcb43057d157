// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Collections;
import java.util.List;

/**
 * Order and size of the KV that one rank of an engine keeps for one model. Two ranks exchange all
 * that they hold if {@link #firstDifference} finds none. Instances with other numbers of ranks
 * exchange slices if {@link #firstObstacle} finds none; {@link KvShardMap} says which.
 *
 * <p>On the way between instances one layer of a token range is always {@code
 * [arrays][tokens][kvHeads][headSize]}, keys first. Axis order and block size at either end don't
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
    private final int arrays;
    private final int modelKvHeads;
    private final List<Integer> stageLayers;

    /** Order of the axes of one layer's memory. A latent layout has 1 in the place of the 2. */
    public enum AxisOrder {
        /** {@code [2, blocks, blockSize, kvHeads, headSize]}: all keys, then all values. */
        KV_FIRST(true, false),
        /**
         * {@code [blocks, 2, blockSize, kvHeads, headSize]}: keys and values of a block together.
         */
        BLOCK_FIRST(false, false),
        /** {@code [2, blocks, kvHeads, blockSize, headSize]}: tokens of a head together. */
        KV_FIRST_HEAD_MAJOR(true, true),
        /** {@code [blocks, 2, kvHeads, blockSize, headSize]}: tokens of a head together. */
        BLOCK_FIRST_HEAD_MAJOR(false, true);

        final boolean kvFirst;
        final boolean headMajor;

        AxisOrder(boolean kvFirst, boolean headMajor) {
            this.kvFirst = kvFirst;
            this.headMajor = headMajor;
        }
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
        arrays = from.latent ? 1 : 2;
        require(!model.isEmpty(), "model", model);
        require(layers > 0, "layers", layers);
        require(kvHeads > 0, "kvHeads", kvHeads);
        require(headSize > 0, "headSize", headSize);
        require(blockSize > 0 && Integer.bitCount(blockSize) == 1, "blockSize", blockSize);
        require(tpSize > 0 && tpRank >= 0 && tpRank < tpSize, "tpRank", tpRank + "/" + tpSize);
        require(ppSize > 0 && ppRank >= 0 && ppRank < ppSize, "ppRank", ppRank + "/" + ppSize);
        require(!from.latent || kvHeads == 1, "kvHeads", kvHeads + " of a latent row");
        long heads = from.latent ? 1 : (long) kvHeads * tpSize;
        require(heads <= Integer.MAX_VALUE, "kvHeads", kvHeads + " tpSize=" + tpSize);
        modelKvHeads = from.modelKvHeads == 0 ? (int) heads : from.modelKvHeads;
        stageLayers =
                from.stageLayers.isEmpty()
                        ? Collections.nCopies(ppSize, layers)
                        : List.copyOf(from.stageLayers);
        require(modelKvHeads > 0, "modelKvHeads", modelKvHeads);
        require(
                stageLayers.size() == ppSize && stageLayers.stream().allMatch(stage -> stage > 0),
                "stageLayers",
                stageLayers);
        require(
                kvHeads == shard().heads() && layers == shard().layers(),
                "shard",
                shard() + " kvHeads=" + kvHeads + " layers=" + layers);
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

    /** Number of arrays of a layer: 2 for keys and values, 1 for one latent row a token (MLA). */
    public int arrays() {
        return arrays;
    }

    /** KV heads of the whole model, over all ranks. */
    public int modelKvHeads() {
        return modelKvHeads;
    }

    /** Layers of each pipeline stage, in order. */
    public List<Integer> stageLayers() {
        return stageLayers;
    }

    /** Layers of the whole model, over all stages. */
    public int modelLayers() {
        return stageLayers.stream().mapToInt(Integer::intValue).sum();
    }

    /** Rank of this memory in its instance: {@code ppRank * tpSize + tpRank}. */
    public int rank() {
        return ppRank * tpSize + tpRank;
    }

    /** Number of ranks of the instance. */
    public int ranks() {
        return ppSize * tpSize;
    }

    /** Part of the model's KV that this rank holds. */
    public KvShardMap.Shard shard() {
        return shards().get(rank());
    }

    /** Parts that the ranks of the instance hold, in the order of ranks. */
    public List<KvShardMap.Shard> shards() {
        return KvShardMap.shards(modelKvHeads, tpSize, stageLayers);
    }

    /** Bytes of one token in one layer: keys and values, or its latent row. */
    public long tokenBytes() {
        return tokenBytes(kvHeads);
    }

    /**
     * Bytes of some heads of one token in one layer.
     *
     * @param heads how many
     */
    public long tokenBytes(int heads) {
        return Math.multiplyExact(arrays * (long) heads, headBytes());
    }

    /**
     * Bytes of a token range in one layer.
     *
     * @param tokens how many tokens, from 0
     */
    public long layerBytes(int tokens) {
        return Math.multiplyExact(tokenBytes(), (long) tokens);
    }

    /** Bytes of one block in one layer, all arrays. */
    public long blockBytes() {
        return layerBytes(blockSize);
    }

    /**
     * Compares with a rank of a peer in all that must be equal for an exchange of all that both
     * hold. Axis order and block size may differ.
     *
     * @param other the peer's
     * @return {@code field=ours/theirs}, or empty if the two can exchange KV
     */
    public String firstDifference(KvLayout other) {
        return LayoutFacts.firstDifference(LayoutFacts.ofRank(this), LayoutFacts.ofRank(other));
    }

    /**
     * Compares with a peer's layout in all that must be equal for an exchange of slices. The
     * numbers of ranks, the layers of the stages, axis order and block size may differ.
     *
     * @param other layout of any of the peer's ranks
     * @return {@code field=ours/theirs} of the whole models, or empty if a {@link KvShardMap} can
     *     map one to the other
     */
    public String firstObstacle(KvLayout other) {
        return LayoutFacts.firstDifference(LayoutFacts.ofModel(this), LayoutFacts.ofModel(other));
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
        return runs(blocks, from, to, regionBytes, 0, kvHeads);
    }

    /**
     * Byte runs of some heads of a token range, as {@link #runs(BlockTable, int, int, long)}.
     *
     * @param blocks the sequence's blocks
     * @param from the first token, from 0
     * @param to one past the last token, at most the tokens of the blocks
     * @param regionBytes size of the layer's region
     * @param firstHead the first head, counted in this rank
     * @param heads how many
     * @return the runs; their bytes add up to {@code (to - from) * tokenBytes(heads)}
     * @throws IndexOutOfBoundsException if a token or a head isn't here, or a block isn't inside
     *     the region
     */
    public List<Run> runs(
            BlockTable blocks, int from, int to, long regionBytes, int firstHead, int heads) {
        return new LayerRuns(this, regionBytes / blockBytes())
                .of(blocks, from, to, firstHead, heads);
    }

    /** Bytes of one head of one token in one array of a layer. */
    long headBytes() {
        return Math.multiplyExact((long) headSize, dtype.bytes());
    }

    /** Bytes of all heads of one token in one array of a layer. */
    long arrayTokenBytes() {
        return kvHeads * headBytes();
    }

    private static void require(boolean holds, String field, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(field + "=" + value);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvLayout layout
                && LayoutFacts.ofMemory(this).equals(LayoutFacts.ofMemory(layout));
    }

    @Override
    public int hashCode() {
        return LayoutFacts.ofMemory(this).hashCode();
    }

    @Override
    public String toString() {
        return "KvLayout[rank=" + rank() + " " + LayoutFacts.ofMemory(this) + "]";
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
        private boolean latent;
        // 0 for as many as all ranks have together.
        private int modelKvHeads;
        // Empty for stages of equal size.
        private List<Integer> stageLayers = List.of();

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

        /** One latent row of {@code headSize} elements a token, in the place of keys and values. */
        public Builder latent() {
            latent = true;
            return this;
        }

        /**
         * Sets {@link KvLayout#modelKvHeads}, where ranks have unequal numbers of heads or several
         * hold the same one.
         */
        public Builder modelKvHeads(int heads) {
            modelKvHeads = heads;
            return this;
        }

        /** Sets {@link KvLayout#stageLayers}, where stages have unequal numbers of layers. */
        public Builder stageLayers(List<Integer> layersOfStages) {
            stageLayers = layersOfStages;
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
