// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Pieces of a transfer that the engine has saved, in the order of saving. The engine's thread adds
 * them, the others read: the count is written last, so that a piece below it is there.
 */
final class SavedPieces {

    /**
     * A piece that is there, or will be when a device has reached a point. The point is released
     * once, by whichever thread takes it away.
     */
    record Piece(
            int number,
            List<MemoryRegion> source,
            long bytes,
            AtomicReference<@Nullable SavePoint> point) {

        /** Event after which the piece is complete on its device, or {@code null}. */
        @Nullable CudaEvent after() {
            SavePoint at = point.get();
            return at == null ? null : at.event();
        }

        /** Nobody waits for its point any more. By any thread. */
        void releasePoint() {
            SavePoint at = point.getAndSet(null);
            if (at != null) {
                at.release();
            }
        }
    }

    /** Number of pieces: of all, and of those that aren't of the tail. */
    record Count(int all, int body) {
        static final Count NONE = new Count(0, 0);
    }

    private final int layers;
    private final int groups;
    private final Chunks chunks;
    // Written by the engine's thread, read by the others.
    private final AtomicReferenceArray<@Nullable Piece> pieces;
    private volatile Count count = Count.NONE;

    /**
     * None so far.
     *
     * @param groups of the layers; each is saved from the first chunk that it needs
     * @param chunks cut of the prompt
     */
    SavedPieces(List<KvLayerGroup> groups, Chunks chunks) {
        this.chunks = chunks;
        this.groups = groups.size();
        int allLayers = 0;
        int all = 0;
        for (KvLayerGroup group : groups) {
            allLayers += group.layers().size();
            all +=
                    group.layers().size()
                            * chunks.behind(group.firstNeeded(chunks.tokens())).count();
        }
        layers = allLayers;
        pieces = new AtomicReferenceArray<>(all);
    }

    /** True if a part has all layers and all chunks. */
    boolean are(Part part) {
        return groups == 1 && part.layers() == layers && pieces.length() == layers * chunks.count();
    }

    /** A chunk of a layer is there, or will be at a point. By the engine's thread, each once. */
    void add(
            int layer,
            int chunk,
            List<MemoryRegion> source,
            long bytes,
            @Nullable SavePoint after) {
        Count before = count;
        int number = chunk * layers + layer;
        pieces.set(before.all, new Piece(number, source, bytes, new AtomicReference<>(after)));
        count = new Count(before.all + 1, before.body + (chunk < chunks.body() ? 1 : 0));
    }

    /** Number of pieces. */
    Count count() {
        return count;
    }

    /** True if there are all. */
    boolean complete() {
        return count.all == pieces.length();
    }

    /** A piece, by its place in the order of saving. */
    Piece piece(int index) {
        Piece piece = pieces.get(index);
        if (piece == null) {
            throw new IllegalStateException("index=" + index + " isn't saved: " + count);
        }
        return piece;
    }

    /** Nobody waits for any point. By any thread. */
    void releasePoints() {
        for (int index = 0; index < count.all; index++) {
            piece(index).releasePoint();
        }
    }

    /** The layer that a piece is of. */
    int layer(Piece piece) {
        return piece.number % layers;
    }

    /** The chunk that a piece is of. */
    int chunk(Piece piece) {
        return piece.number / layers;
    }

    /** Number of the first pieces, in the order of saving, that are of a part. */
    int within(Part part, int first) {
        if (are(part)) {
            return first;
        }
        int found = 0;
        for (int index = 0; index < first; index++) {
            found += part.indexOf(layer(piece(index))) >= 0 ? 1 : 0;
        }
        return found;
    }
}
