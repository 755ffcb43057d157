// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One transfer on its way out. The engine's thread adds pieces and may wait for them to be sent;
 * all else belongs to the control thread. The regions of saved pieces aren't freed or changed
 * before {@link #ended}.
 */
public final class Outbound {

    /** The place of a piece that was never saved. */
    static final int NONE = -1;

    private final KvRequest request;
    private final TransferId id;
    private final HostPort peer;
    private final long digest;
    private final boolean held;
    private final int layers;
    private final Chunks chunks;
    private final @Nullable LayerLeases leases;

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
    private volatile boolean ended;
    private volatile boolean refused;
    private volatile boolean offered;

    // Written by the engine's thread, read by those that wake it.
    private volatile @Nullable Thread waiter;

    // The control thread's own.
    SendState state = SendState.WAITING;
    @Nullable Session session;
    long startedNs;
    long deadlineNs;
    long retryAtNs;
    int refusals;
    long ticket;
    // The ticket is for the tail, too.
    boolean tailGranted;
    boolean tailDeclined;
    // What goes with it, once the engine has said so.
    boolean attached;
    Optional<ByteBuffer> attachment = Optional.empty();
    // Saved pieces that were looked at, and pieces that the device was given.
    int looked;
    int posted;
    // Saved chunks for which the deadline was put off.
    int renewed;
    // The receiver has all pieces.
    boolean received;
    // Under a standing grant.
    boolean adopted;
    boolean saidSaved;
    String plane = "";
    @Nullable KvError failure;
    String detail = "";

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
    public Outbound(
            KvRequest request,
            int layers,
            Chunks chunks,
            long digest,
            boolean held,
            @Nullable LayerLeases leases) {
        this.request = request;
        this.layers = layers;
        this.chunks = chunks;
        this.digest = digest;
        this.held = held;
        this.leases = leases;
        var route = request.route().orElseThrow();
        id = route.id();
        peer = route.decode();
        pieces = new SavedPieces(id, layers, chunks);
    }

    /** The transfer. */
    public TransferId id() {
        return id;
    }

    /** The request. */
    public KvRequest request() {
        return request;
    }

    /** How its tokens are cut. */
    public Chunks chunks() {
        return chunks;
    }

    /** Memory of the connector's own that holds the layers, if it does. */
    public @Nullable LayerLeases leases() {
        return leases;
    }

    /** Where a chunk of a layer is held in that memory. */
    public MemoryRegion held(int layer, int chunk) {
        if (leases == null) {
            throw new IllegalStateException("no leases: " + this);
        }
        return chunks.region(leases.regions().get(layer), chunk);
    }

    /**
     * A chunk of a layer is there. By the engine's thread, each once.
     *
     * @param layer the layer
     * @param chunk the chunk
     * @param source its bytes
     * @param bytes how many
     */
    public void save(int layer, int chunk, List<MemoryRegion> source, long bytes) {
        save(layer, chunk, source, bytes, null);
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

    /** How many pieces the receiver gets. */
    int wantedPieces() {
        return pieces.body() + (tailGranted ? layers : 0);
    }

    /** There will be no tail, if nothing else is missing; false if more is. */
    boolean declineTail() {
        tailDeclined |= pieces.bodySaved() && pieces.noTailSaved();
        return tailDeclined;
    }

    /** What goes with the tail; without one, whatever the engine said, nothing does. */
    Optional<ByteBuffer> attachment() {
        return tailComes() ? attachment : Optional.empty();
    }

    private boolean tailComes() {
        return chunks.tail() && !tailDeclined;
    }

    /** True if the receiver waits for a tail, and there will be none: any bytes do, then. */
    boolean owesTail() {
        return tailGranted && !tailComes() && posted == pieces.body() && idle();
    }

    /** Whether a piece is for the receiver. */
    boolean wanted(SavedPieces.Saved piece) {
        return tailGranted || piece.piece() < pieces.body();
    }

    /** True if what the receiver waits for is computed, and it may be told so. */
    boolean tellable() {
        if (!tailGranted || !tailComes()) {
            return pieces.bodySaved();
        }
        return saved() && attached;
    }

    /** True if all pieces are saved, those of the tail, too. */
    public boolean saved() {
        return pieces.count() == pieces.all();
    }

    /** How many pieces are saved. */
    public int savedPieces() {
        return pieces.count();
    }

    /** True if nothing reads the saved pieces any more. */
    public boolean ended() {
        return ended;
    }

    /** True while the control thread waits for the receiver's answer. */
    public boolean offered() {
        return offered;
    }

    /**
     * Waits until so many pieces are sent, the transfer has ended, or the receiver has no room for
     * it: the room may come only when the caller goes on. By the engine's thread.
     *
     * @param count how many, in the order of saving
     * @param deadlineNs when to give up, on {@link System#nanoTime()}'s clock
     * @return false if the deadline passed first
     */
    public boolean awaitSent(int count, long deadlineNs) {
        waiter = Thread.currentThread();
        boolean interrupted = false;
        try {
            while (!ended && sent.get() < count && !refused) {
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

    /** Where a saved piece is complete on its device, or {@code null}. */
    @Nullable CudaEvent after(int index) {
        return pieces.after(index);
    }

    int layers() {
        return layers;
    }

    /** A piece, by its place in the order of saving. */
    SavedPieces.Saved piece(int index) {
        return pieces.piece(index);
    }

    HostPort peer() {
        return peer;
    }

    long digest() {
        return digest;
    }

    boolean held() {
        return held;
    }

    int tokens() {
        return chunks.tokens();
    }

    /** The first token of a layer whose pieces have been sent. */
    List<MemoryRegion> firstToken(int layer) {
        return pieces.firstToken(layer);
    }

    void onPiecePosted() {
        posted++;
        inFlight.incrementAndGet();
    }

    /** The device no longer reads a piece; true if it reads none now. */
    boolean onPieceEnded(int index) {
        if (index != NONE) {
            pieces.releasePoint(index);
        }
        return inFlight.decrementAndGet() == 0;
    }

    /** True if the device reads no piece. */
    boolean idle() {
        return inFlight.get() == 0;
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

    void refused(boolean noRoom) {
        refused = noRoom;
        LockSupport.unpark(waiter);
    }

    /** True if the receiver has granted nothing so far: another start of it may do. */
    boolean ungranted() {
        return failure == null && (state == SendState.WAITING || state == SendState.OFFERED);
    }

    /** An offer that is out is no longer worth anything. */
    void withdrawOffer() {
        if (state == SendState.OFFERED) {
            moveTo(SendState.WAITING);
        }
    }

    void moveTo(SendState next) {
        if (!state.next().contains(next)) {
            throw new IllegalStateException(
                    "transfer=" + id + " from=" + state + " to=" + next + " is no legal move");
        }
        state = next;
        offered = next == SendState.OFFERED;
        if (next == SendState.ENDED) {
            ended = true;
            LockSupport.unpark(waiter);
        }
    }

    TransferOutcome outcome(long nowNs) {
        return new TransferOutcome(
                request.id(),
                id,
                Optional.ofNullable(failure),
                detail,
                plane,
                sentBytes,
                nowNs - startedNs);
    }

    @Override
    public String toString() {
        return "transfer="
                + id
                + " peer="
                + peer
                + " state="
                + state
                + " saved="
                + pieces.count()
                + " sent="
                + sent;
    }
}
