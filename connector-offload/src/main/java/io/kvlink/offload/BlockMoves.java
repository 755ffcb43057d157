// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import java.util.ArrayList;
import java.util.List;

/**
 * Places of a kept block's bytes in the engine's memory, equal for all layers. A kept block holds
 * {@code [layers][2][tokens][kvHeads][headSize]}. Arithmetic only.
 */
final class BlockMoves {

    /**
     * Bytes in a row on both sides.
     *
     * @param inEngine offset in a layer's region
     * @param inBlock offset in the block's part for that layer
     * @param bytes how many
     */
    record Move(long inEngine, long inBlock, long bytes) {}

    private final List<Move> moves = new ArrayList<>(2);

    private BlockMoves() {}

    /**
     * Moves of some tokens of one kept block.
     *
     * @param blockTokens tokens of a kept block
     * @param from first token of the sequence, from 0
     * @param to end of the tokens, exclusive, at most that kept block's
     * @param regionBytes size of a layer's region
     */
    static List<Move> of(
            KvLayout layout,
            BlockTable table,
            int blockTokens,
            int from,
            int to,
            long regionBytes) {
        long keyBytes = layout.layerBytes(to - from) / 2;
        long firstKey = layout.layerBytes(from % blockTokens) / 2;
        long values = layout.layerBytes(blockTokens) / 2 - keyBytes;
        BlockMoves found = new BlockMoves();
        long at = 0;
        for (Run run : layout.runs(table, from, to, regionBytes)) {
            // A run may begin with keys and end with values.
            long keys = Math.max(0, Math.min(run.bytes(), keyBytes - at));
            found.add(run.offset(), firstKey + at, keys);
            found.add(run.offset() + keys, firstKey + values + at + keys, run.bytes() - keys);
            at += run.bytes();
        }
        return found.moves;
    }

    private void add(long inEngine, long inBlock, long bytes) {
        if (bytes == 0) {
            return;
        }
        int last = moves.size() - 1;
        if (last >= 0) {
            Move before = moves.get(last);
            if (before.inEngine + before.bytes == inEngine
                    && before.inBlock + before.bytes == inBlock) {
                moves.set(last, new Move(before.inEngine, before.inBlock, before.bytes + bytes));
                return;
            }
        }
        moves.add(new Move(inEngine, inBlock, bytes));
    }
}
