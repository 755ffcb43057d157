// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.plane.pull.Closing;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A stream that all links of a device take turns in. Groups run one after the other, in the order
 * in which they were posted. Device thread only; nothing but {@link #close} waits.
 *
 * <p>NCCL enqueues a group on a thread of its own, some time after it was told. So that the stream
 * keeps the order, NCCL is told of a group only when the one before is enqueued.
 *
 * <p>A group whose peer doesn't come holds up all behind it. Its time runs from when it is the
 * stream's first, so that it, and no other, is found late.
 */
final class NcclLane {

    /** Size of the memory where links send and receive a few bytes that nobody reads. */
    static final int SCRATCH_BYTES = 256;

    private final CudaDevice device;
    private final NcclLibrary library;
    private final CudaStream stream;
    private final Limits limits;
    private final long scratch;
    private final List<NcclPair> links = new ArrayList<>();
    private final Deque<NcclGroup> waiting = new ArrayDeque<>();
    private final Deque<NcclGroup> inStream = new ArrayDeque<>();
    private final Deque<CudaEvent> spareEvents = new ArrayDeque<>();
    private @Nullable NcclGroup first;
    private long firstSinceNs;

    /**
     * Limits of time, and the number of a communicator's channels. The times of groups run while
     * nothing is before them in the stream; they are for peers that hang, since the plane hears of
     * those that die.
     *
     * @param connectNs until a link is ready
     * @param sendNs until a group is sent
     * @param receiveNs until a group is received: a few times as long, since the sender may be held
     *     up by another receiver
     * @param closeNs until all is quiet after {@link NcclLane#close}
     * @param channels 0 leaves the choice to NCCL
     */
    record Limits(long connectNs, long sendNs, long receiveNs, long closeNs, int channels) {
        Limits {
            require(connectNs > 0, "connectNs", connectNs);
            require(sendNs > 0, "sendNs", sendNs);
            require(receiveNs >= sendNs, "receiveNs", receiveNs);
            require(closeNs > 0, "closeNs", closeNs);
            require(channels >= 0, "channels", channels);
        }

        private static void require(boolean ok, String key, long value) {
            if (!ok) {
                throw new IllegalArgumentException(key + "=" + value);
            }
        }
    }

    /**
     * A lane without links. Takes a little device memory.
     *
     * @param device the device
     * @param library NCCL on it
     * @param stream where groups run; borrowed until the lane is closed
     * @param limits its limits
     */
    NcclLane(CudaDevice device, NcclLibrary library, CudaStream stream, Limits limits) {
        this.device = device;
        this.library = library;
        this.stream = stream;
        this.limits = limits;
        this.scratch = device.allocate(SCRATCH_BYTES);
    }

    /**
     * Begins to connect to a peer, which does the same with the same id and the other direction.
     *
     * @param peer the peer's name, for messages
     * @param uniqueId what {@link NcclLibrary#newUniqueId} returned here or there
     * @param sends true at the end that sends
     * @param listener told how it goes
     * @return the link, which is the lane's until it is closed
     */
    NcclPair connect(String peer, byte[] uniqueId, boolean sends, NcclPair.Listener listener) {
        long freeBytes = device.freeBytes();
        NcclCommunicator communicator = library.init(uniqueId, sends ? 0 : 1, limits.channels);
        NcclPair link = new NcclPair(this, peer, sends, communicator, freeBytes, listener);
        links.add(link);
        return link;
    }

    /**
     * Does what can be done without waiting.
     *
     * @param nowNs the time
     * @return how much was done
     */
    int poll(long nowNs) {
        int workCount = 0;
        // Backwards, since a link that is closed leaves, and new ones come last.
        for (int i = links.size() - 1; i >= 0; i--) {
            workCount += links.get(i).poll(nowNs);
        }
        workCount += launch();
        expire(nowNs);
        return workCount;
    }

    private int launch() {
        int workCount = 0;
        while (!waiting.isEmpty() && !isLaunching()) {
            NcclGroup next = waiting.remove();
            inStream.add(next);
            next.link().launch(next);
            workCount++;
        }
        return workCount;
    }

    private boolean isLaunching() {
        NcclGroup last = inStream.peekLast();
        return last != null && last.is(NcclGroup.State.LAUNCHING);
    }

    private void expire(long nowNs) {
        NcclGroup now = inStream.peekFirst();
        if (now != first) {
            first = now;
            firstSinceNs = nowNs;
        } else if (now != null && now.link().isOpen()) {
            long limitNs = now.link().sends() ? limits.sendNs : limits.receiveNs;
            if (nowNs - firstSinceNs > limitNs) {
                now.link()
                        .abort(
                                KvError.DEADLINE,
                                "%s: not through after %d ms; does the peer run?"
                                        .formatted(now, limitNs / 1_000_000));
            }
        }
    }

    /** Links that are not closed, each with a communicator. */
    int links() {
        return links.size();
    }

    /** Device memory that the links' communicators took. */
    long communicatorBytes() {
        return links.stream().mapToLong(NcclPair::communicatorBytes).sum();
    }

    CudaDevice device() {
        return device;
    }

    NcclLibrary library() {
        return library;
    }

    CudaStream stream() {
        return stream;
    }

    Limits limits() {
        return limits;
    }

    long scratch() {
        return scratch;
    }

    CudaEvent takeEvent() {
        CudaEvent spare = spareEvents.poll();
        return spare == null ? device.newEvent() : spare;
    }

    void giveBack(CudaEvent event) {
        spareEvents.push(event);
    }

    /** Lets a group of a link that is ready take its turn. */
    void enqueue(NcclGroup group) {
        waiting.add(group);
    }

    /** The group is through, or will never begin. */
    void forget(NcclGroup group) {
        inStream.remove(group);
    }

    /** Takes back what a link has waiting. */
    List<NcclGroup> withdrawAll(NcclPair link) {
        List<NcclGroup> withdrawn = new ArrayList<>();
        for (Iterator<NcclGroup> each = waiting.iterator(); each.hasNext(); ) {
            NcclGroup group = each.next();
            if (group.link() == link) {
                each.remove();
                withdrawn.add(group);
            }
        }
        return withdrawn;
    }

    boolean waits(NcclPair link) {
        return waiting.stream().anyMatch(group -> group.link() == link);
    }

    void forget(NcclPair link) {
        links.remove(link);
    }

    /**
     * Aborts all links and waits until the device is past their operations.
     *
     * @param clock the time
     * @throws KvConnectorException with {@link KvError#DEADLINE} if it isn't; what a link may still
     *     write to must not be freed then
     */
    void close(LongSupplier clock) {
        long startNs = clock.getAsLong();
        while (!links.isEmpty()) {
            long nowNs = clock.getAsLong();
            List.copyOf(links).forEach(link -> link.abort(KvError.CLOSED, "the plane is closing"));
            poll(nowNs);
            if (nowNs - startNs > limits.closeNs) {
                throw new KvConnectorException(
                        KvError.DEADLINE,
                        "device=%d: not quiet after %d ms: %s"
                                .formatted(device.ordinal(), limits.closeNs / 1_000_000, links));
            }
            Thread.onSpinWait();
        }
        Closing closing = new Closing();
        spareEvents.forEach(event -> closing.run(event::close));
        spareEvents.clear();
        closing.run(() -> device.free(scratch));
        closing.end();
    }
}
