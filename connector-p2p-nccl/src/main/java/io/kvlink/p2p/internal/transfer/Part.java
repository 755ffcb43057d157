// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * Part of a rank's KV that one transfer carries: some layers, and of each some heads. Layers and
 * heads are counted in that rank.
 *
 * @param layout of the rank
 * @param firstLayer the first layer
 * @param layers how many
 * @param firstHead the first head of each
 * @param heads how many
 */
public record Part(KvLayout layout, int firstLayer, int layers, int firstHead, int heads) {

    /** All that a rank has. */
    public static Part all(KvLayout layout) {
        return new Part(layout, 0, layout.layers(), 0, layout.kvHeads());
    }

    /** The part that a slice of the model is of a rank that holds it. */
    static Part of(KvLayout layout, KvShardMap.Slice slice) {
        KvShardMap.Shard shard = layout.shard();
        return new Part(
                layout,
                slice.firstLayer() - shard.firstLayer(),
                slice.layers(),
                slice.firstHead() - shard.firstHead(),
                slice.heads());
    }

    /** True if it is of all heads. */
    public boolean allHeads() {
        return heads == layout.kvHeads();
    }

    /** True if it is all that the rank has. */
    public boolean whole() {
        return allHeads() && layers == layout.layers();
    }

    /** True if a layer of the rank is of the part. */
    public boolean has(int layer) {
        return layer >= firstLayer && layer < firstLayer + layers;
    }

    /** Bytes of one token in one layer. */
    public long tokenBytes() {
        return layout.tokenBytes(heads);
    }

    /** Bytes of the part's heads in some bytes of all heads. */
    public long bytes(long ofAllHeads) {
        return ofAllHeads / layout.kvHeads() * heads;
    }

    /**
     * Bytes of the part's heads.
     *
     * @param source whole tokens of some arrays of a layer, all heads, in the exchanged order
     */
    public List<MemoryRegion> cut(List<MemoryRegion> source) {
        if (allHeads()) {
            return source;
        }
        long row = layout.tokenBytes() / layout.arrays();
        long head = row / layout.kvHeads();
        long from = firstHead * head;
        long to = from + heads * head;
        List<MemoryRegion> found = new ArrayList<>();
        long inRow = 0;
        for (MemoryRegion region : source) {
            for (long at = 0; at < region.bytes(); ) {
                boolean wanted = inRow >= from && inRow < to;
                long end = wanted ? to : inRow < from ? from : row;
                long bytes = Math.min(end - inRow, region.bytes() - at);
                if (wanted) {
                    found.add(region.slice(at, bytes));
                }
                at += bytes;
                inRow = (inRow + bytes) % row;
            }
        }
        return found;
    }
}
