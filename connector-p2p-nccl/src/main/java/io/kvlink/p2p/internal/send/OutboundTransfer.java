// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One transfer on its way out: a part of what the engine saves, for one rank of a peer. The control
 * thread alone moves the {@link SendState}; the others only look at it. The device thread counts
 * what it has sent and reads no more.
 */
final class OutboundTransfer {

    private final SavedKv kv;
    private final SendMachine machine;
    private final Part part;
    private final PartPieces pieces;

    // Sent, or not wanted. Written by the device and the control thread, read by the others.
    private final AtomicInteger sent = new AtomicInteger();
    // Written by the device thread, read by the others.
    private volatile long sentBytes;

    // Pieces that the device may read: added by the control thread, taken off by the device thread,
    // which reports only when none is left.
    private final AtomicInteger inFlight = new AtomicInteger();

    // Written by the control thread, read by the engine's.
    private volatile SendState state = new SendState.Created();

    // The control thread's own.
    private long startedNs;
    private long patienceNs;
    private long deadlineNs;
    // Saved chunks for which the deadline was put off.
    private int renewedChunks;

    OutboundTransfer(SavedKv kv, TransferId id, HostPort receiver, Part part) {
        this.kv = kv;
        this.part = part;
        Chunks chunks = part.of(kv.chunks());
        machine =
                new SendMachine(
                        id,
                        receiver,
                        part.number(),
                        part.layers(),
                        chunks,
                        kv.digest(),
                        kv.waitsForFetch());
        pieces = new PartPieces(kv.pieces(), part, chunks);
    }

    /** The transfer. */
    TransferId id() {
        return machine.id();
    }

    /** Part of it that this transfer carries. */
    Part part() {
        return part;
    }

    /** KV that the engine saves. */
    SavedKv kv() {
        return kv;
    }

    /** True if nothing reads the saved pieces any more. */
    boolean ended() {
        return state instanceof SendState.Ended;
    }

    /** True while the control thread waits for the receiver's answer. */
    boolean offered() {
        return state instanceof SendState.Offered;
    }

    /** True if more pieces may be sent than were, of the first ones that were saved. */
    boolean worthWaitingFor(int saved) {
        return sent.get() < kv.pieces().within(part, saved) && worthWaiting();
    }

    private boolean worthWaiting() {
        SendState now = state;
        return !(now instanceof SendState.Ended)
                && !(now instanceof SendState.Ungranted ungranted && ungranted.refusals() > 0);
    }

    /** Rules of this transfer, and its constant facts. */
    SendMachine machine() {
        return machine;
    }

    PartPieces pieces() {
        return pieces;
    }

    /** State of the transfer. */
    SendState state() {
        return state;
    }

    /** The control thread has heard of it; its next chunk may take so long. */
    void onStart(long nowNs, long patienceNs) {
        startedNs = nowNs;
        // Each chunk has its time, also those that no window needs.
        deadlineNs = nowNs + patienceNs * (1 + machine.chunks().skipped());
        this.patienceNs = patienceNs;
    }

    /** Time at which the control thread heard of it. */
    long startedNs() {
        return startedNs;
    }

    /** A look at what the engine has done. Time runs anew after each chunk but the last. */
    SendEvent.Progress progress(long nowNs) {
        SavedPieces.Count saved = pieces.count();
        int chunks = saved.all() / machine.layers();
        if (chunks > renewedChunks && chunks < machine.chunks().count()) {
            renewedChunks = chunks;
            deadlineNs = nowNs + patienceNs;
        }
        Session session = state.session();
        return new SendEvent.Progress(nowNs, saved, kv.tail(), session != null && session.open());
    }

    /** True if the deadline has passed, and counts. */
    boolean late(long nowNs) {
        return state instanceof SendState.Live && nowNs - deadlineNs >= 0;
    }

    /** Moves to the next state. By the control thread, which then brings the effects about. */
    List<SendEffect> on(SendEvent event) {
        SendMachine.Step step = machine.on(state, event);
        state = step.next();
        if (!worthWaiting()) {
            kv.wake();
        }
        return step.effects();
    }

    /** True if the device reads no piece. */
    boolean idle() {
        return inFlight.get() == 0;
    }

    void onPiecePosted() {
        inFlight.incrementAndGet();
    }

    /** The device no longer reads a piece; true if it reads none now. */
    boolean onPieceEnded() {
        return inFlight.decrementAndGet() == 0;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // The device thread is the only writer.
    void onPieceSent(long bytes) {
        sentBytes = sentBytes + bytes;
        onPieceOver();
    }

    /** A piece is sent, or isn't wanted. */
    void onPieceOver() {
        sent.incrementAndGet();
        kv.wake();
    }

    TransferOutcome outcome(SendState.Ended end, long nowNs) {
        return TransferOutcome.builder(kv.request().id())
                .id(id())
                .failure(
                        end.failure().map(SendState.Failure::error),
                        end.failure().map(SendState.Failure::detail).orElse(""))
                .plane(end.plane())
                .bytes(sentBytes)
                .nanos(nowNs - startedNs)
                .build();
    }

    @Override
    public String toString() {
        return "%s saved=%d sent=%d"
                .formatted(machine.describe(state), kv.savedPieces(), sent.get());
    }
}
