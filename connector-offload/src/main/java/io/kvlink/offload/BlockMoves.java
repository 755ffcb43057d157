// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Places of a kept block's bytes in the engine's memory, equal for all layers. A kept block holds
 * its layers one after the other, each in the order of {@link KvLayout#runs}. Arithmetic only.
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

    private BlockMoves() {}

    /**
     * Moves of some tokens of one kept block.
     *
     * @param table the engine's blocks, for all tokens of the kept block
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
        int first = from - from % blockTokens;
        List<Move> whole = whole(layout.runs(table, first, first + blockTokens, regionBytes));
        return to - from == blockTokens
                ? whole
                : part(whole, layout.runs(table, from, to, regionBytes));
    }

    private static List<Move> whole(List<Run> runs) {
        List<Move> moves = new ArrayList<>(runs.size());
        long at = 0;
        for (Run run : runs) {
            moves.add(new Move(run.offset(), at, run.bytes()));
            at += run.bytes();
        }
        return moves;
    }

    // Whatever the layout's order: a byte of the engine's memory has one place in the block.
    private static List<Move> part(List<Move> whole, List<Run> runs) {
        TreeMap<Long, Move> byPlace = new TreeMap<>();
        whole.forEach(move -> byPlace.put(move.inEngine, move));
        List<Move> moves = new ArrayList<>(runs.size());
        for (Run run : runs) {
            long end = run.offset() + run.bytes();
            for (long at = run.offset(); at < end; ) {
                Move around = Objects.requireNonNull(byPlace.floorEntry(at)).getValue();
                long skipped = at - around.inEngine;
                long bytes = Math.min(end - at, around.bytes - skipped);
                moves.add(new Move(at, around.inBlock + skipped, bytes));
                at += bytes;
            }
        }
        return moves;
    }
}
