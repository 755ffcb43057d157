// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * KV of one request as the engine saves it, and the transfers that carry it away. There is one
 * transfer until the receiver's ranks are known, and then one for each rank that reads from here.
 * The engine's thread saves pieces and may wait for them to be sent. The regions of saved pieces
 * aren't freed or changed before {@link #ended}.
 */
public final class SavedKv {

    private final KvRequest request;
    private final Chunks chunks;
    private final long digest;
    private final boolean waitsForFetch;
    // Of each group, or none.
    private final List<LayerLeases> leases;
    private final List<KvLayerGroup> groups;

    // Written by the engine's thread.
    private final SavedPieces pieces;

    // The engine's thread, which may be copying into the leases, and the control thread. The last
    // one to let go frees them.
    private final AtomicInteger holders = new AtomicInteger(2);

    // Written by the control thread, read by the engine's.
    private volatile List<OutboundTransfer> transfers;
    private volatile boolean ended;

    // The control thread is about to look at what is saved, and will see all of it.
    private final AtomicBoolean announced = new AtomicBoolean();

    // Written by the engine's thread, read by those that wake it.
    private volatile @Nullable Thread waiter;

    // The control thread's own: whose ranks the transfers go to, once that is known.
    private @Nullable HostPort receiver;
    private Tail tail;
    private @Nullable TransferOutcome outcome;

    /**
     * KV about to be saved.
     *
     * @param request the request; it has a route
     * @param groups of this rank's layers
     * @param chunks how its tokens are cut
     * @param digest the prompt's digest
     * @param waitsForFetch true: held until fetched (GET); false: pushed to the route's decode
     *     instance
     * @param leases memory of the connector's own that holds the layers of each group; empty if
     *     they stay in the engine's
     */
    public SavedKv(
            KvRequest request,
            List<KvLayerGroup> groups,
            Chunks chunks,
            long digest,
            boolean waitsForFetch,
            List<LayerLeases> leases) {
        this.request = request;
        this.chunks = chunks;
        this.digest = digest;
        this.waitsForFetch = waitsForFetch;
        this.leases = leases;
        this.groups = groups;
        pieces = new SavedPieces(groups, chunks);
        tail = chunks.tail() ? new Tail.Awaited() : new Tail.None();
        Part first = Part.all(0, groups.get(0));
        transfers = List.of(new OutboundTransfer(this, id(), route().decode(), first));
    }

    private TransferRoute route() {
        return request.route().orElseThrow();
    }

    /** The transfer's id in the route. */
    public TransferId id() {
        return route().id();
    }

    /** True if the layers are copied to memory of the connector's own. */
    public boolean copied() {
        return !leases.isEmpty();
    }

    /**
     * Region of the connector's own memory that holds a chunk of a layer.
     *
     * @param group number of the layer's group
     * @param layer the layer
     * @param chunk of the prompt
     */
    public MemoryRegion held(int group, int layer, int chunk) {
        if (leases.isEmpty()) {
            throw new IllegalStateException("no leases: " + this);
        }
        KvLayerGroup of = groups.get(group);
        Chunks cut = Part.all(group, of).of(chunks);
        MemoryRegion region = leases.get(group).regions().get(of.indexOf(layer));
        return cut.region(region, chunk - cut.skipped());
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

    /** True if the control thread is to be told that more is saved, and hasn't been. */
    public boolean announce() {
        return !announced.get() && announced.compareAndSet(false, true);
    }

    /** The control thread has been told, and looks after this. */
    public void heard() {
        announced.set(false);
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
        return ended;
    }

    /** True while the control thread waits for all receivers' answers. */
    public boolean offered() {
        for (OutboundTransfer transfer : transfers) {
            if (!transfer.offered()) {
                return false;
            }
        }
        return true;
    }

    /**
     * Waits until so many pieces are sent, the transfers have ended, or a receiver has no room for
     * its own. The room may come only when the caller goes on. By the engine's thread.
     *
     * @param count how many, in the order of saving
     * @param deadlineNs when to give up, on {@link System#nanoTime()}'s clock
     * @return false if the deadline passed first
     */
    public boolean awaitSent(int count, long deadlineNs) {
        waiter = Thread.currentThread();
        boolean interrupted = false;
        try {
            while (worthWaiting(count)) {
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

    private boolean worthWaiting(int count) {
        for (OutboundTransfer transfer : transfers) {
            if (transfer.worthWaitingFor(count)) {
                return true;
            }
        }
        return false;
    }

    /** Wakes the engine's thread, so that it looks again. From any thread. */
    void wake() {
        LockSupport.unpark(waiter);
    }

    /**
     * The engine's thread will save more, and let go again.
     *
     * @return false if all has ended and the memory is free
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
        leases.forEach(LayerLeases::close);
    }

    /** A transfer no longer waits for a piece's point. From any thread. */
    void releasePoint(SavedPieces.Piece piece) {
        if (transfers.size() == 1) {
            piece.releasePoint(); // Others may be about to wait for it.
        }
    }

    KvRequest request() {
        return request;
    }

    Chunks chunks() {
        return chunks;
    }

    long digest() {
        return digest;
    }

    boolean waitsForFetch() {
        return waitsForFetch;
    }

    SavedPieces pieces() {
        return pieces;
    }

    /** The transfers; those that have ended, too. */
    List<OutboundTransfer> transfers() {
        return transfers;
    }

    /** The instance whose ranks the transfers go to; empty until its ranks are known. */
    Optional<HostPort> receiver() {
        return Optional.ofNullable(receiver);
    }

    /** The route's decode instance. */
    HostPort decode() {
        return route().decode();
    }

    /** The ranks of an instance are known. By the control thread, once. */
    void goTo(HostPort instance, List<OutboundTransfer> toRanks) {
        receiver = instance;
        transfers = toRanks;
        wake();
    }

    Tail tail() {
        return tail;
    }

    /** The tail is saved, and this goes with it. Counts once, and only where a tail may come. */
    void attach(Optional<ByteBuffer> content) {
        tail = tail instanceof Tail.Awaited ? new Tail.Attached(content) : tail;
    }

    /** The tail will not come. */
    void dropTail() {
        tail = new Tail.None();
    }

    /** A transfer of it has ended so. */
    void add(TransferOutcome end) {
        outcome = outcome == null ? end : outcome.and(end);
    }

    /** Ends it if all transfers have; tells how, the route's id included. By the control thread. */
    Optional<TransferOutcome> end() {
        for (OutboundTransfer transfer : transfers) {
            if (!transfer.ended()) {
                return Optional.empty();
            }
        }
        ended = true;
        TransferOutcome.Builder end =
                outcome == null ? TransferOutcome.builder(request.id()) : outcome.toBuilder();
        return Optional.of(end.id(id()).build());
    }

    @Override
    public String toString() {
        return transfers.toString();
    }
}
