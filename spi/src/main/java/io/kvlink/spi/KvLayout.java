// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Order and size of the KV that an engine keeps for one model. Two instances exchange KV only if
 * {@link #firstDifference} finds none.
 *
 * <p>On the way between instances one layer of a token range is always {@code
 * [2][tokens][kvHeads][headSize]}, keys first. Axis order and block size at either end don't
 * matter. {@link #runs} says where these bytes lie in an engine's memory, in that order.
 *
 * @param model identifies the weights, for instance a digest of the files; compared, never parsed
 * @param layers how many layers hold KV here
 * @param kvHeads KV heads of this rank
 * @param headSize elements of one head
 * @param dtype element type
 * @param axisOrder order of the axes in the engine's memory
 * @param blockSize tokens in a block, a power of two
 * @param tpRank this instance's tensor-parallel rank
 * @param tpSize how many such ranks
 * @param ppRank this instance's pipeline-parallel rank
 * @param ppSize how many such ranks
 */
public record KvLayout(
        String model,
        int layers,
        int kvHeads,
        int headSize,
        DType dtype,
        AxisOrder axisOrder,
        int blockSize,
        int tpRank,
        int tpSize,
        int ppRank,
        int ppSize) {

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

    public KvLayout {
        require(!model.isEmpty(), "model", model);
        require(layers > 0, "layers", layers);
        require(kvHeads > 0, "kvHeads", kvHeads);
        require(headSize > 0, "headSize", headSize);
        require(blockSize > 0 && Integer.bitCount(blockSize) == 1, "blockSize", blockSize);
        require(tpSize > 0 && tpRank >= 0 && tpRank < tpSize, "tpRank", tpRank + "/" + tpSize);
        require(ppSize > 0 && ppRank >= 0 && ppRank < ppSize, "ppRank", ppRank + "/" + ppSize);
    }

    /**
     * The layout of an engine without tensor or pipeline parallelism, keys first.
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
        return new KvLayout(
                model, layers, kvHeads, headSize, dtype, AxisOrder.KV_FIRST, blockSize, 0, 1, 0, 1);
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
}
