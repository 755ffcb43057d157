// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.send.SavedPieces.Piece;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Pieces that the engine has saved, as one transfer carries them: those of its layers, of each its
 * heads, numbered by its own layers. In the order of saving. Control thread only.
 */
final class PartPieces {

    private final SavedPieces all;
    private final Part part;
    private final Chunks chunks;
    // The places of its pieces among all, as far as looked at; none where it has all.
    private final int[] places;
    private final boolean hasAll;
    private int lookedAt;
    private Count count = Count.NONE;

    PartPieces(SavedPieces all, Part part, Chunks chunks) {
        this.all = all;
        this.part = part;
        this.chunks = chunks;
        hasAll = all.are(part);
        places = hasAll ? new int[0] : new int[part.layers() * chunks.count()];
    }

    /** Number of pieces so far. */
    Count count() {
        if (hasAll) {
            return all.count();
        }
        for (int saved = all.count().all(); lookedAt < saved; lookedAt++) {
            Piece piece = all.piece(lookedAt);
            if (part.indexOf(all.layer(piece)) >= 0) {
                boolean body = all.chunk(piece) - chunks.skipped() < chunks.body();
                places[count.all()] = lookedAt;
                count = new Count(count.all() + 1, count.body() + (body ? 1 : 0));
            }
        }
        return count;
    }

    /** A piece, by its place in the order of saving. */
    Piece piece(int index) {
        if (hasAll && part.allHeads()) {
            return all.piece(index);
        }
        Piece piece = all.piece(hasAll ? index : places[index]);
        int chunk = all.chunk(piece) - chunks.skipped();
        int number = chunk * part.layers() + part.indexOf(all.layer(piece));
        return new Piece(
                number, part.cut(piece.source()), part.bytes(piece.bytes()), piece.point());
    }

    /** True if a piece is of the tail. */
    boolean ofTail(Piece piece) {
        return piece.number() >= part.layers() * chunks.body();
    }

    /** Tail without content: the first token of each layer, whose pieces are saved. */
    List<Piece> emptyTail() {
        List<Piece> tail = new ArrayList<>(part.layers());
        for (int layer = 0; layer < part.layers(); layer++) {
            List<MemoryRegion> token = firstToken(layer);
            long bytes = token.stream().mapToLong(MemoryRegion::bytes).sum();
            int number = part.layers() * chunks.body() + layer;
            tail.add(new Piece(number, token, bytes, new AtomicReference<>()));
        }
        return tail;
    }

    // Nobody reads what it is, so nothing is cut to heads.
    private List<MemoryRegion> firstToken(int layer) {
        List<MemoryRegion> token = new ArrayList<>();
        long left = part.tokenBytes();
        for (MemoryRegion region : anyPiece(layer).source()) {
            long bytes = Math.min(left, region.bytes());
            if (bytes > 0) {
                token.add(region.slice(0, bytes));
                left -= bytes;
            }
        }
        return token;
    }

    private Piece anyPiece(int layer) {
        int index = 0;
        while (part.indexOf(all.layer(all.piece(index))) != layer) {
            index++;
        }
        return all.piece(index);
    }
}
