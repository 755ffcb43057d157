// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * Part of a rank's KV that one transfer carries: some layers of a group, and of each some heads.
 * Layers are counted in the group, heads in that rank.
 *
 * @param number of the group
 * @param group the layers that it is of
 * @param firstLayer the first layer
 * @param layers how many
 * @param firstHead the first head of each
 * @param heads how many
 */
public record Part(
        int number, KvLayerGroup group, int firstLayer, int layers, int firstHead, int heads) {

    /** All that a rank has of a group. */
    public static Part all(int number, KvLayerGroup group) {
        KvLayout layout = group.layout();
        return new Part(number, group, 0, layout.layers(), 0, layout.kvHeads());
    }

    /** The part that a slice of the model is of a rank that holds it. */
    static Part of(int number, KvLayerGroup group, KvShardMap.Slice slice) {
        KvShardMap.Shard shard = group.layout().shard();
        return new Part(
                number,
                group,
                slice.firstLayer() - shard.firstLayer(),
                slice.layers(),
                slice.firstHead() - shard.firstHead(),
                slice.heads());
    }

    /** Layout of the group. */
    public KvLayout layout() {
        return group.layout();
    }

    /** True if it is of all heads. */
    public boolean allHeads() {
        return heads == layout().kvHeads();
    }

    /** True if it is all that the rank has of the group. */
    public boolean whole() {
        return allHeads() && layers == layout().layers();
    }

    /** Place of a layer of the rank in the part, from 0; negative if it isn't of the part. */
    public int indexOf(int layer) {
        int index = group.indexOf(layer) - firstLayer;
        return index < layers ? index : -1;
    }

    /** Tokens of a prompt that the part has, cut as the prompt is. */
    public Chunks of(Chunks prompt) {
        return prompt.behind(group.firstNeeded(prompt.tokens()));
    }

    /** Bytes of one token in one layer. */
    public long tokenBytes() {
        return layout().tokenBytes(heads);
    }

    /** Bytes of the part's heads in some bytes of all heads. */
    public long bytes(long ofAllHeads) {
        return ofAllHeads / layout().kvHeads() * heads;
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
        long row = layout().tokenBytes() / layout().arrays();
        long head = row / layout().kvHeads();
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
