// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;

/**
 * Some pieces from a node to another, and everything that must hold of them. Each operation ends
 * once; what is received is what the engine computed; a source isn't read and a destination not
 * written after its operation has ended. For the last, a source is freed and a destination gets
 * another content at once then; an access breaks the process, and {@link #check} looks at the
 * destination when everything has run.
 */
public final class GpuTransfer implements SendListener, ReceiveListener {

    private static final byte NOT_COMPUTED = 0x11;
    private static final byte SEALED = 0x5e;

    /** Kind of memory that a piece lies in at an end. */
    public enum Kind {
        DEVICE,
        PINNED,
        /** Device memory that the engine's stream is yet to write. */
        COMPUTED;

        private static final List<Kind> ALL = List.of(values());

        static Kind any(Random random) {
            return ALL.get(random.nextInt(ALL.size()));
        }
    }

    private static final class Piece {
        final byte[] content;
        final List<MemoryRegion> source;
        final MemoryRegion destination;
        final boolean computed;
        CudaEvent after;
        boolean posted;
        int sent;
        KvError sendError;
        boolean received;

        Piece(
                byte[] content,
                List<MemoryRegion> source,
                MemoryRegion destination,
                boolean computed) {
            this.content = content;
            this.source = source;
            this.destination = destination;
            this.computed = computed;
        }
    }

    final GpuNode from;
    final GpuNode to;
    final long ticket;
    public final List<String> defects = new ArrayList<>();
    // What the engine does when it hears of something.
    IntConsumer onPieceReceived = index -> {};
    IntConsumer onSendEnded = index -> {};
    Runnable onReceiveEnded = () -> {};
    private final Random random;
    private final int firstPiece;
    private final List<Piece> pieces = new ArrayList<>();
    private boolean receiving;
    private int receiveEnds;
    private KvError receiveError;
    private String receiveDetail = "";

    public GpuTransfer(GpuNode from, GpuNode to, long ticket, Random random) {
        this.from = from;
        this.to = to;
        this.ticket = ticket;
        this.random = random;
        this.firstPiece = random.nextInt(5);
    }

    /** Adds a piece. */
    public GpuTransfer piece(int bytes, int runs, Kind sourceKind, Kind destinationKind) {
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        List<MemoryRegion> source = from.scattered(bytes, runs, sourceKind == Kind.PINNED);
        MemoryRegion destination =
                destinationKind == Kind.PINNED ? to.pinned(bytes) : to.reserve(bytes);
        boolean computed = sourceKind == Kind.COMPUTED;
        Piece piece = new Piece(content, source, destination, computed);
        if (computed) {
            source.forEach(region -> from.fill(region, NOT_COMPUTED));
        } else {
            from.write(source, content);
        }
        pieces.add(piece);
        return this;
    }

    public GpuTransfer piece(int bytes) {
        return piece(bytes, 1, Kind.DEVICE, Kind.DEVICE);
    }

    public int pieceNumber(int index) {
        return firstPiece + index;
    }

    public GpuTransfer receive() {
        receiving = true;
        List<MemoryRegion> destinations =
                pieces.stream().map(piece -> piece.destination).collect(Collectors.toList());
        to.plane.receive(new ReceiveOp(from.endpoint(), ticket, firstPiece, destinations, this));
        return this;
    }

    /** Sends a piece, by its place; its engine may be far from computing it. */
    public GpuTransfer send(int index) {
        Piece piece = pieces.get(index);
        piece.posted = true;
        if (piece.computed) {
            compute(piece);
        }
        from.plane.send(
                new SendOp(
                        to.plane.endpoint(),
                        ticket,
                        firstPiece + index,
                        piece.source,
                        piece.content.length,
                        piece.after,
                        this));
        return this;
    }

    // The engine's work: bytes come into being on its stream.
    private void compute(Piece piece) {
        if (piece.after != null) {
            return;
        }
        MemoryRegion computed = from.allocate(piece.content.length);
        from.process.write(computed.address(), piece.content);
        long at = computed.address();
        for (MemoryRegion region : piece.source) {
            from.device.copy(at, region.address(), region.bytes(), from.engine);
            at += region.bytes();
        }
        piece.after = from.newEvent();
        from.device.record(piece.after, from.engine);
    }

    /** Enqueues the engine's work now, so that sending calls nothing of CUDA. */
    GpuTransfer prepare() {
        pieces.stream().filter(piece -> piece.computed).forEach(this::compute);
        return this;
    }

    public GpuTransfer sendAll() {
        for (int index = 0; index < pieces.size(); index++) {
            send(index);
        }
        return this;
    }

    public void cancelReceive() {
        to.plane.cancelReceive(ticket);
    }

    public void cancelSends() {
        from.plane.cancelSends(to.plane.endpoint(), ticket);
    }

    boolean isOf(GpuNode node) {
        return from == node || to == node;
    }

    public synchronized boolean received() {
        return receiveEnds > 0 && receiveError == null;
    }

    public synchronized boolean receiveEnded() {
        return !receiving || to.killed || receiveEnds > 0;
    }

    public synchronized KvError receiveError() {
        return receiveError;
    }

    synchronized boolean pieceReceived(int index) {
        return pieces.get(index).received;
    }

    public synchronized boolean sendEnded(int index) {
        return pieces.get(index).sent > 0;
    }

    public synchronized KvError sendError(int index) {
        return pieces.get(index).sendError;
    }

    public synchronized boolean sendsEnded() {
        return from.killed || pieces.stream().allMatch(piece -> !piece.posted || piece.sent > 0);
    }

    /** True if something has failed, so that the rest may never end by itself. */
    synchronized boolean failed() {
        return receiveError != null || pieces.stream().anyMatch(piece -> piece.sendError != null);
    }

    /** True if all that was asked for has ended. */
    public boolean over() {
        return sendsEnded() && receiveEnded();
    }

    @Override
    public synchronized void onSent(SendOp op) {
        sendEnds(op, null);
    }

    @Override
    public synchronized void onSendFailed(SendOp op, KvError error, String detail) {
        sendEnds(op, error);
    }

    private void sendEnds(SendOp op, KvError error) {
        Piece piece = pieces.get(op.piece() - firstPiece);
        piece.sent++;
        piece.sendError = error;
        if (piece.sent > 1) {
            defects.add("piece=" + op.piece() + " sent again, error=" + error);
        }
        // Where the engine has yet to write, nobody frees it.
        boolean computed = piece.after == null || from.broken || from.device.complete(piece.after);
        if (piece.sent == 1 && computed) {
            from.discard(piece.source);
        }
        if (piece.after != null) {
            from.closeEvent(piece.after);
        }
        onSendEnded.accept(op.piece() - firstPiece);
    }

    @Override
    public synchronized void onPieceReceived(ReceiveOp op, int index) {
        Piece piece = pieces.get(index - firstPiece);
        if (piece.received || receiveEnds > 0) {
            defects.add("piece=" + index + " received again or late, error=" + receiveError);
        }
        piece.received = true;
        checkContent(index, piece);
        if (pieces.stream().allMatch(each -> each.received)) {
            receiveEnds++;
            seal();
        }
        onPieceReceived.accept(index - firstPiece);
        if (receiveEnds > 0) {
            onReceiveEnded.run();
        }
    }

    private void checkContent(int index, Piece piece) {
        byte[] got = to.read(piece.destination);
        int difference = Arrays.mismatch(got, piece.content);
        if (difference >= 0) {
            defects.add(
                    "piece=%d of bytes=%d differs at=%d got=0x%x"
                            .formatted(index, got.length, difference, got[difference]));
        }
    }

    @Override
    public synchronized void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
        receiveEnds++;
        if (receiveEnds > 1) {
            defects.add("receive ended again: " + error + " " + detail);
        }
        receiveError = error;
        receiveDetail = detail;
        for (int i = 0; i < pieces.size(); i++) {
            if (pieces.get(i).received) {
                checkContent(firstPiece + i, pieces.get(i));
            }
        }
        seal();
        onReceiveEnded.run();
    }

    private void seal() {
        pieces.forEach(piece -> to.fill(piece.destination, SEALED));
    }

    /** Checks all rules, once everything has run. */
    public synchronized void check() {
        assertThat(defects).as(toString()).isEmpty();
        assertThat(over()).as("over: " + this).isTrue();
        if (to.killed || !receiving) {
            return;
        }
        for (Piece piece : pieces) {
            byte[] sealed = new byte[piece.content.length];
            Arrays.fill(sealed, SEALED);
            assertThat(Arrays.mismatch(to.read(piece.destination), sealed))
                    .as("written after the end: " + this)
                    .isEqualTo(-1);
        }
    }

    @Override
    public synchronized String toString() {
        return "ticket=%d receive=%s ends=%d error=%s %s pieces=%s"
                .formatted(
                        ticket,
                        receiving,
                        receiveEnds,
                        receiveError,
                        receiveDetail,
                        pieces.stream()
                                .map(
                                        each ->
                                                "[bytes=%d runs=%d %s posted=%s sent=%d/%s received=%s]"
                                                        .formatted(
                                                                each.content.length,
                                                                each.source.size(),
                                                                each.destination.kind(),
                                                                each.posted,
                                                                each.sent,
                                                                each.sendError,
                                                                each.received))
                                .collect(Collectors.joining()));
    }
}
