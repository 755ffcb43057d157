// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The pieces of a transfer that the engine has saved, in the order of saving, each with the point
 * where it is complete on its device. The engine's thread adds them, the others read: the count is
 * written last, so that a piece below it is there. A point is released once, by whichever thread
 * takes it away.
 */
final class SavedPieces {

    /** A piece that is there, or will be at its point. */
    record Saved(int piece, List<MemoryRegion> source, long bytes) {}

    private final TransferId id;
    private final int layers;
    private final Chunks chunks;
    // Written by the engine's thread, read by the control thread.
    private final AtomicReferenceArray<@Nullable Saved> pieces;
    private volatile int saved;
    // Of those, the ones that aren't of the tail.
    private volatile int savedBody;
    // Where each is complete; whoever is the last to need one takes it away and releases it.
    private final AtomicReferenceArray<@Nullable SavePoint> points;

    SavedPieces(TransferId id, int layers, Chunks chunks) {
        this.id = id;
        this.layers = layers;
        this.chunks = chunks;
        pieces = new AtomicReferenceArray<>(layers * chunks.count());
        points = new AtomicReferenceArray<>(layers * chunks.count());
    }

    /** A chunk of a layer is there, or will be at a point. By the engine's thread, each once. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // The engine's thread is the only writer.
    void add(
            int layer,
            int chunk,
            List<MemoryRegion> source,
            long bytes,
            @Nullable SavePoint after) {
        int next = saved;
        points.set(next, after);
        pieces.set(next, new Saved(chunk * layers + layer, source, bytes));
        if (chunk < chunks.body()) {
            savedBody = savedBody + 1;
        }
        saved = next + 1;
    }

    /** How many there are. */
    int count() {
        return saved;
    }

    /** How many there will be. */
    int all() {
        return pieces.length();
    }

    /** How many there will be but for those of the tail. */
    int body() {
        return layers * chunks.body();
    }

    /** True if all pieces but those of the tail are saved. */
    boolean bodySaved() {
        return savedBody == body();
    }

    /** True if none of the tail is saved. */
    boolean noTailSaved() {
        return saved == savedBody;
    }

    /** A piece, by its place in the order of saving. */
    Saved piece(int index) {
        Saved piece = pieces.get(index);
        if (piece == null) {
            throw new IllegalStateException(
                    "index=" + index + " isn't saved: transfer=" + id + " saved=" + saved);
        }
        return piece;
    }

    /** Where a piece is complete on its device, or {@code null}. */
    @Nullable CudaEvent after(int index) {
        SavePoint point = points.get(index);
        return point == null ? null : point.event();
    }

    /** Nobody waits for a piece's point any more. By any thread. */
    void releasePoint(int index) {
        SavePoint point = points.getAndSet(index, null);
        if (point != null) {
            point.release();
        }
    }

    /** Nobody waits for any point. By any thread. */
    void releasePoints() {
        for (int index = 0; index < points.length(); index++) {
            releasePoint(index);
        }
    }

    /** The first token of a layer whose pieces are saved. */
    List<MemoryRegion> firstToken(int layer) {
        int index = 0;
        while (piece(index).piece != layer) {
            index++;
        }
        Saved first = piece(index);
        List<MemoryRegion> token = new ArrayList<>();
        long left = first.bytes / (chunks.to(0) - chunks.from(0));
        for (MemoryRegion region : first.source) {
            long bytes = Math.min(left, region.bytes());
            if (bytes > 0) {
                token.add(region.slice(0, bytes));
                left -= bytes;
            }
        }
        return token;
    }
}
