// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * Cut of a transfer's tokens into chunks, which leave one by one. Sender and receiver cut alike:
 * every chunk but the last has {@code size} tokens. Behind them may be a <em>tail</em>: the
 * prompt's last token, in a chunk of its own. <em>Pieces</em> travel under a ticket, a chunk of a
 * layer each; piece {@code chunk * layers + layer}.
 *
 * <p>In the receiver's memory, and in a sender's that holds a copy, a layer is its chunks one after
 * the other, each with the keys of its tokens and then their values. So a piece is always one
 * region.
 *
 * <p>A layer with a window has only the last tokens. Their chunks end where the prompt's do, the
 * first one may be shorter, and token numbers are the prompt's.
 *
 * @param tokens how many tokens the prompt has, without the tail
 * @param size tokens of a chunk
 * @param tail whether there is one
 * @param first the first token that there is
 */
public record Chunks(int tokens, int size, boolean tail, int first) {

    // Bounds the pieces of a transfer, and how often its deadline is put off.
    private static final int MOST = 64;

    /**
     * Cuts a transfer.
     *
     * @param tokens how many tokens, without the tail, at least 1
     * @param wanted tokens that the sender's engine computes at once; 0 for one chunk. A multiple
     *     of it if the chunks were too many
     * @param tail whether the prompt's last token is to go, too
     */
    public static Chunks of(int tokens, int wanted, boolean tail) {
        if (wanted == 0 || wanted >= tokens) {
            return new Chunks(tokens, tokens, tail, 0);
        }
        long most = (long) wanted * MOST;
        long multiple = (tokens + most - 1) / most;
        return new Chunks(tokens, (int) Math.min(tokens, multiple * wanted), tail, 0);
    }

    /**
     * Cut without the tokens before one; the prompt's last token stays.
     *
     * @param token the first one that is left
     */
    public Chunks behind(int token) {
        return new Chunks(tokens, size, tail, Math.min(token, tokens - 1));
    }

    /** Number of the prompt's chunks that have no token here. */
    public int skipped() {
        return first / size;
    }

    /** Number of tokens that there are, with the tail. */
    public int allTokens() {
        return tokens - first + (tail ? 1 : 0);
    }

    /** Number of chunks, without the tail. */
    public int body() {
        return (int) (((long) tokens + size - 1) / size) - skipped();
    }

    /** Number of chunks, with the tail. */
    public int count() {
        return body() + (tail ? 1 : 0);
    }

    /** A chunk's first token. */
    public int from(int chunk) {
        return (int) Math.max(first, Math.min(tokens, (long) (chunk + skipped()) * size));
    }

    /** One past a chunk's last token. */
    public int to(int chunk) {
        return chunk < body() ? from(chunk + 1) : tokens + (tail ? 1 : 0);
    }

    /** The chunk that a token is in. */
    public int at(int token) {
        return token < tokens ? token / size - skipped() : body();
    }

    /** Number of chunks that are complete when so many tokens are computed. */
    public int complete(int computed) {
        if (computed < tokens) {
            return Math.max(0, computed / size - skipped());
        }
        return computed > tokens ? count() : body();
    }

    /**
     * The region of a chunk.
     *
     * @param layer the region of a layer with all tokens
     * @param chunk which
     */
    public MemoryRegion region(MemoryRegion layer, int chunk) {
        if (count() == 1) {
            return layer;
        }
        long token = layer.bytes() / allTokens();
        return layer.slice((from(chunk) - first) * token, (to(chunk) - from(chunk)) * token);
    }

    /** The regions of all pieces, in order, given those of the layers. */
    public List<MemoryRegion> pieces(List<MemoryRegion> layers) {
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
     * Regions of some tokens of a layer: keys of all of them, then values.
     *
     * @param layer the region of a layer with all tokens
     * @param from the first token wanted
     * @param to one past the last
     * @param arrays 2 for keys and values, 1 for latent rows
     */
    public List<MemoryRegion> tokens(MemoryRegion layer, int from, int to, int arrays) {
        if (from == first && to - from == allTokens() && count() == 1) {
            return List.of(layer);
        }
        List<MemoryRegion> found = new ArrayList<>();
        long row = layer.bytes() / allTokens() / arrays;
        for (int array = 0; array < arrays; array++) {
            for (int chunk = at(from); chunk < count() && from(chunk) < to; chunk++) {
                int begin = Math.max(from, from(chunk));
                int end = Math.min(to, to(chunk));
                // In rows: keys of the chunk, then its values.
                long inChunk = (long) array * (to(chunk) - from(chunk)) + begin - from(chunk);
                long start = (long) arrays * (from(chunk) - first) + inChunk;
                found.add(layer.slice(start * row, (end - begin) * row));
            }
        }
        return found;
    }
}
