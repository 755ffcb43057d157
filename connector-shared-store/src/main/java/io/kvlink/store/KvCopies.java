// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;

/**
 * Copies KV between an engine's blocks and the store's, a layer at a time. A store's block holds
 * {@code [layers][2][tokens][kvHeads][headSize]}.
 */
final class KvCopies {

    private final KvLayout layout;
    private final int blockTokens;
    private final int layerBytes;
    private final int halfTokenBytes;

    KvCopies(KvLayout layout, int blockTokens) {
        this.layout = layout;
        this.blockTokens = blockTokens;
        this.layerBytes = Math.toIntExact(layout.layerBytes(blockTokens));
        this.halfTokenBytes = Math.toIntExact(layout.tokenBytes() / 2);
    }

    /** Takes a whole block of the store from the engine's memory. */
    void gather(int layer, MemoryRegion region, BlockTable table, int block, ByteBuffer payload) {
        int from = block * blockTokens;
        ByteBuffer memory = region.buffer();
        int at = layer * layerBytes;
        for (Run run : layout.runs(table, from, from + blockTokens, region.bytes())) {
            int bytes = Math.toIntExact(run.bytes());
            payload.put(at, memory, Math.toIntExact(run.offset()), bytes);
            at += bytes;
        }
    }

    /**
     * Brings tokens of one block of the store into the engine's memory.
     *
     * @param from first token, in that block
     * @param to end of the tokens, exclusive, at most the block's
     */
    void scatter(
            int layer,
            MemoryRegion region,
            BlockTable table,
            int from,
            int to,
            ByteBuffer payload) {
        int half = (to - from) * halfTokenBytes;
        int keys = layer * layerBytes + from % blockTokens * halfTokenBytes;
        int values = keys + layerBytes / 2;
        ByteBuffer memory = region.buffer();
        int at = 0;
        for (Run run : layout.runs(table, from, to, region.bytes())) {
            int target = Math.toIntExact(run.offset());
            int end = at + Math.toIntExact(run.bytes());
            // A run may begin with keys and end with values.
            while (at < end) {
                boolean isKey = at < half;
                int bytes = isKey ? Math.min(end, half) - at : end - at;
                memory.put(target, payload, isKey ? keys + at : values + at - half, bytes);
                at += bytes;
                target += bytes;
            }
        }
    }
}
