// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One transfer on its way out, as its three threads share it. The engine's thread saves pieces and
 * may wait for them to be sent. The device thread counts what it has sent and reads no more. The
 * control thread alone moves the {@link SendState}; the others only look at it. The regions of
 * saved pieces aren't freed or changed before {@link #ended}.
 */
public final class OutboundTransfer {

    private final KvRequest request;
    private final SendMachine machine;
    private final @Nullable LayerLeases leases;

    // Written by the engine's thread.
    private final SavedPieces pieces;

    // The engine's thread, which may be copying into the leases, and the control thread. The last
    // one to let go frees them.
    private final AtomicInteger holders = new AtomicInteger(2);

    // Sent, or not wanted. Written by the device and the control thread, read by the others.
    private final AtomicInteger sent = new AtomicInteger();
    // Written by the device thread, read by the others.
    private volatile long sentBytes;

    // Pieces that the device may read: added by the control thread, taken off by the device thread,
    // which reports only when none is left.
    private final AtomicInteger inFlight = new AtomicInteger();

    // Written by the control thread, read by the engine's.
    private volatile SendState state = new SendState.Created();

    // Written by the engine's thread, read by those that wake it.
    private volatile @Nullable Thread waiter;

    // The control thread's own.
    private long startedNs;
    private long patienceNs;
    private long deadlineNs;
    // Saved chunks for which the deadline was put off.
    private int renewedChunks;
    private Tail tail;

    /**
     * A transfer about to begin.
     *
     * @param request the request; it has a route
     * @param layers how many layers it has
     * @param chunks how its tokens are cut
     * @param digest the prompt's digest
     * @param held true: held until fetched (GET); false: pushed to the route's decode instance
     * @param leases memory of the connector's own that holds the layers; {@code null} if they stay
     *     in the engine's
     */
    public OutboundTransfer(
            KvRequest request,
            int layers,
            Chunks chunks,
            long digest,
            boolean held,
            @Nullable LayerLeases leases) {
        this.request = request;
        this.leases = leases;
        TransferRoute route = request.route().orElseThrow();
        machine = new SendMachine(route, layers, chunks, digest, held);
        pieces = new SavedPieces(layers, chunks);
        tail = chunks.tail() ? new Tail.Awaited() : new Tail.None();
    }

    /** The transfer. */
    public TransferId id() {
        return machine.route().id();
    }

    /** Memory of the connector's own that holds the layers, if it does. */
    public @Nullable LayerLeases leases() {
        return leases;
    }

    /** Region of the leases' memory that holds a chunk of a layer. */
    public MemoryRegion held(int layer, int chunk) {
        if (leases == null) {
            throw new IllegalStateException("no leases: " + this);
        }
        return machine.chunks().region(leases.regions().get(layer), chunk);
    }

    /**
     * A chunk of a layer is there, or will be when a device has reached a point. By the engine's
     * thread, each once.
     *
     * @param layer the layer
     * @param chunk the chunk
     * @param source its bytes
     * @param bytes how many
     * @param after where it is complete, released once nobody needs it; {@code null} if it is
     */
    public void save(
            int layer,
            int chunk,
            List<MemoryRegion> source,
            long bytes,
            @Nullable SavePoint after) {
        pieces.add(layer, chunk, source, bytes, after);
    }

    /** True if all pieces are saved, those of the tail, too. */
    public boolean saved() {
        return pieces.complete();
    }

    /** Number of pieces that are saved. */
    public int savedPieces() {
        return pieces.count().all();
    }

    /** True if nothing reads the saved pieces any more. */
    public boolean ended() {
        return state instanceof SendState.Ended;
    }

    /** True while the control thread waits for the receiver's answer. */
    public boolean offered() {
        return state instanceof SendState.Offered;
    }

    /**
     * Waits until so many pieces are sent, the transfer has ended, or the receiver has no room for
     * it. The room may come only when the caller goes on. By the engine's thread.
     *
     * @param count how many, in the order of saving
     * @param deadlineNs when to give up, on {@link System#nanoTime()}'s clock
     * @return false if the deadline passed first
     */
    public boolean awaitSent(int count, long deadlineNs) {
        waiter = Thread.currentThread();
        boolean interrupted = false;
        try {
            while (sent.get() < count && worthWaiting()) {
                long leftNs = deadlineNs - System.nanoTime();
                if (leftNs <= 0) {
                    return false;
                }
                LockSupport.parkNanos(this, leftNs);
                interrupted |= Thread.interrupted(); // Or the next park wouldn't wait.
            }
            return true;
        } finally {
            waiter = null;
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private boolean worthWaiting() {
        SendState now = state;
        return !(now instanceof SendState.Ended)
                && !(now instanceof SendState.Ungranted ungranted && ungranted.refusals() > 0);
    }

    /**
     * The engine's thread will save more, and let go again.
     *
     * @return false if the transfer has ended and its memory is free
     */
    public boolean hold() {
        int held = holders.get();
        while (held > 0 && !holders.compareAndSet(held, held + 1)) {
            held = holders.get();
        }
        return held > 0;
    }

    /**
     * The engine's thread, or the control thread, no longer writes or reads the connector's own
     * memory. Once by each, and once for each {@link #hold}.
     */
    public void letGo() {
        int left = holders.decrementAndGet();
        if (left < 0) {
            throw new IllegalStateException("let go too often: " + this);
        }
        if (left > 0) {
            return;
        }
        pieces.releasePoints();
        if (leases != null) {
            leases.close();
        }
    }

    /** Rules of this transfer, and its constant facts. */
    SendMachine machine() {
        return machine;
    }

    SavedPieces pieces() {
        return pieces;
    }

    /** State of the transfer. */
    SendState state() {
        return state;
    }

    /** The control thread has heard of it; its next chunk may take so long. */
    void onStart(long nowNs, long patienceNs) {
        startedNs = nowNs;
        deadlineNs = nowNs + patienceNs;
        this.patienceNs = patienceNs;
    }

    /** Time at which the control thread heard of it. */
    long startedNs() {
        return startedNs;
    }

    /** The tail is saved, and this goes with it. Counts once, and only where a tail may come. */
    void attach(Optional<ByteBuffer> content) {
        tail = tail instanceof Tail.Awaited ? new Tail.Attached(content) : tail;
    }

    /** The tail will not come. */
    void dropTail() {
        tail = new Tail.None();
    }

    /** A look at what the engine has done. Time runs anew after each chunk but the last. */
    SendEvent.Progress progress(long nowNs) {
        SavedPieces.Count saved = pieces.count();
        int chunks = saved.all() / machine.layers();
        if (chunks > renewedChunks && !saved()) {
            renewedChunks = chunks;
            deadlineNs = nowNs + patienceNs;
        }
        Session session = state.session();
        return new SendEvent.Progress(nowNs, saved, tail, session != null && session.open());
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
            LockSupport.unpark(waiter);
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
        LockSupport.unpark(waiter);
    }

    TransferOutcome outcome(SendState.Ended end, long nowNs) {
        return TransferOutcome.builder(request.id())
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
        return "%s saved=%d sent=%d".formatted(machine.describe(state), savedPieces(), sent.get());
    }
}
