// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import io.kvlink.spi.KvLayout.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Byte runs of tokens and heads in one layer's memory, in the order of the exchanged bytes. */
final class LayerRuns {

    private final KvLayout layout;
    private final long blocksInRegion;
    private final List<Run> runs = new ArrayList<>(2);

    /**
     * None so far.
     *
     * @param layout of the memory
     * @param blocksInRegion blocks that the layer's region has
     */
    LayerRuns(KvLayout layout, long blocksInRegion) {
        this.layout = layout;
        this.blocksInRegion = blocksInRegion;
    }

    /** The runs; asked once. The arguments are those of {@link KvLayout#runs}. */
    List<Run> of(BlockTable blocks, int from, int to, int firstHead, int heads) {
        int blockSize = layout.blockSize();
        Objects.checkFromToIndex(from, to, Math.multiplyExact(blocks.size(), blockSize));
        Objects.checkFromIndexSize(firstHead, heads, layout.kvHeads());
        for (int array = 0; array < layout.arrays(); array++) {
            for (int token = from; token < to; ) {
                int block = blocks.block(token / blockSize);
                Objects.checkIndex(block, blocksInRegion);
                int inBlock = token % blockSize;
                int count = Math.min(blockSize - inBlock, to - token);
                add(start(array, block), inBlock, count, firstHead, heads);
                token += count;
            }
        }
        return runs;
    }

    private long start(int array, int block) {
        long row =
                layout.axisOrder().kvFirst
                        ? array * blocksInRegion + block
                        : (long) layout.arrays() * block + array;
        return row * layout.blockSize() * layout.arrayTokenBytes();
    }

    // Some heads of some tokens of one block's array.
    private void add(long start, int inBlock, int count, int firstHead, int heads) {
        boolean headMajor = layout.axisOrder().headMajor;
        long rowBytes = layout.arrayTokenBytes();
        if (!headMajor && heads == layout.kvHeads()) {
            add(start + inBlock * rowBytes, count * rowBytes);
            return;
        }
        long headBytes = layout.headBytes();
        for (int token = inBlock; token < inBlock + count; token++) {
            if (headMajor) {
                for (int head = firstHead; head < firstHead + heads; head++) {
                    long place = (long) head * layout.blockSize() + token;
                    add(start + place * headBytes, headBytes);
                }
            } else {
                add(start + token * rowBytes + firstHead * headBytes, heads * headBytes);
            }
        }
    }

    private void add(long offset, long bytes) {
        if (!runs.isEmpty()) {
            Run last = runs.get(runs.size() - 1);
            if (last.offset() + last.bytes() == offset) {
                runs.set(runs.size() - 1, new Run(last.offset(), last.bytes() + bytes));
                return;
            }
        }
        runs.add(new Run(offset, bytes));
    }
}
