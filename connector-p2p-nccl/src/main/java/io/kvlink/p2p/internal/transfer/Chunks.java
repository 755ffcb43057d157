// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * How the tokens of a transfer are cut into chunks, which leave one by one. Sender and receiver cut
 * alike: every chunk but the last has {@code size} tokens. What travels under a ticket are
 * <em>pieces</em>, a chunk of a layer each; piece {@code chunk * layers + layer}.
 *
 * <p>In the receiver's memory, and in a sender's that holds a copy, a layer is its chunks one after
 * the other, each with the keys of its tokens and then their values. So a piece is always one
 * region.
 *
 * @param tokens how many tokens in all
 * @param size tokens of a chunk
 */
public record Chunks(int tokens, int size) {

    // Bounds the pieces of a transfer, and how often its deadline is put off.
    private static final int MOST = 64;

    /**
     * Cuts a transfer.
     *
     * @param tokens how many tokens in all, at least 1
     * @param wanted tokens that the sender's engine computes at once; 0 for one chunk. A multiple
     *     of it if the chunks were too many
     */
    public static Chunks of(int tokens, int wanted) {
        if (wanted == 0 || wanted >= tokens) {
            return new Chunks(tokens, tokens);
        }
        long most = (long) wanted * MOST;
        long multiple = (tokens + most - 1) / most;
        return new Chunks(tokens, (int) Math.min(tokens, multiple * wanted));
    }

    /** How many chunks. */
    public int count() {
        return (int) (((long) tokens + size - 1) / size);
    }

    /** A chunk's first token. */
    public int from(int chunk) {
        return chunk * size;
    }

    /** One past a chunk's last token. */
    public int to(int chunk) {
        return (int) Math.min(tokens, (long) from(chunk) + size);
    }

    /** How many chunks are complete when so many tokens are computed. */
    public int complete(int computed) {
        return computed >= tokens ? count() : computed / size;
    }

    /**
     * The region of a chunk.
     *
     * @param layer the region of a layer with all tokens
     * @param chunk which
     */
    public MemoryRegion region(MemoryRegion layer, int chunk) {
        return count() == 1 ? layer : slice(layer, layer.bytes() / tokens, from(chunk), to(chunk));
    }

    /** The regions of all pieces, in order, given those of the layers. */
    List<MemoryRegion> pieces(List<MemoryRegion> layers) {
        if (count() == 1) {
            return layers;
        }
        List<MemoryRegion> pieces = new ArrayList<>(count() * layers.size());
        for (int chunk = 0; chunk < count(); chunk++) {
            for (MemoryRegion layer : layers) {
                pieces.add(region(layer, chunk));
            }
        }
        return pieces;
    }

    /**
     * Where some tokens of a layer lie: keys of all of them, then values.
     *
     * @param layer the region of a layer with all tokens
     * @param from the first token wanted
     * @param to one past the last
     */
    public List<MemoryRegion> tokens(MemoryRegion layer, int from, int to) {
        if (from == 0 && to == tokens && count() == 1) {
            return List.of(layer);
        }
        List<MemoryRegion> found = new ArrayList<>();
        long half = layer.bytes() / tokens / 2;
        for (int values = 0; values < 2; values++) {
            for (int chunk = from / size; chunk < count() && from(chunk) < to; chunk++) {
                int first = Math.max(from, from(chunk));
                int end = Math.min(to, to(chunk));
                // In units of half a token: keys of the chunk, then its values.
                long start = (long) from(chunk) + first;
                if (values == 1) {
                    start += to(chunk) - from(chunk);
                }
                found.add(layer.slice(start * half, (end - first) * half));
            }
        }
        return found;
    }

    private static MemoryRegion slice(MemoryRegion layer, long token, int from, int to) {
        return layer.slice(from * token, (to - from) * token);
    }
}
