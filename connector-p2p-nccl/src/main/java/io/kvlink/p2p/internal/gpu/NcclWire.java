// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.gpu.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.gpu.NcclPeer.Group;
import io.kvlink.p2p.internal.gpu.NcclPeer.Message;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Sends and receives by NCCL: a communicator for each link, made by both ends when they meet. All
 * sends of the device share one stream and all receives another, as NCCL's operations must not wait
 * for each other across streams.
 */
final class NcclWire implements Wire {

    // A message takes some microseconds, and gathering takes the memory's bandwidth from the wire:
    // a layer of a few long runs travels as it lies.
    private static final int MOST_RUNS = 4;
    private static final long DIRECT_BYTES = Long.getLong("kvlink.directMb", 16) << 20;
    private static final int NO_SLOT = -2;
    // Further than any arena is long: parts of two regions never touch.
    private static final long SPILL_APART = 1L << 50;

    private static final long CLOSE_NS = TimeUnit.SECONDS.toNanos(2);

    private final CudaDevice device;
    private final NcclLibrary library;
    private final SideChannel channel;
    private final Listener listener;
    private final int channels;
    private final CudaStream sends;
    private final CudaStream receives;
    private final StagingBuffer staging;
    private final Map<Link, NcclPeer> peers = new LinkedHashMap<>();
    // Pushed by a sender, and waiting for room in the staging buffer; in order, all links'.
    private final ArrayDeque<Pushed> gathering = new ArrayDeque<>();
    // Destroyed, and perhaps not through with it.
    private final Set<NcclCommunicator> leaving = new HashSet<>();
    private long nowNs;

    // Written by the device thread, read by any.
    private volatile int communicators;
    private volatile long communicatorBytes;

    private record Pushed(Link link, NcclPeer peer, List<Move> moves) {}

    NcclWire(
            CudaDevice device,
            NcclLibrary library,
            SideChannel channel,
            Listener listener,
            int channels) {
        this.device = device;
        this.library = library;
        this.channel = channel;
        this.listener = listener;
        this.channels = channels;
        sends = device.newStream();
        receives = device.newStream();
        staging = new StagingBuffer(device);
    }

    @Override
    public boolean reaches(GpuEndpoint self, GpuEndpoint peer) {
        // Two ranks of a communicator need two GPUs.
        return self.nccl() == peer.nccl() && !self.gpu().equals(peer.gpu());
    }

    @Override
    public void greet(Link link) {
        byte[] id = library.newUniqueId();
        channel.send(link, new UniqueId(id));
        open(link, id, 0);
    }

    @Override
    public void onFrame(Link link, LinkFrame frame) {
        if (!(frame instanceof UniqueId unique)
                || unique.id().length != NcclLibrary.UNIQUE_ID_BYTES
                || peers.containsKey(link)) {
            listener.onWireFailed(link, "unexpected " + frame);
            return;
        }
        try {
            open(link, unique.id(), 1);
        } catch (KvConnectorException cause) {
            listener.onWireFailed(link, String.valueOf(cause.getMessage()));
        }
    }

    private void open(Link link, byte[] id, int rank) {
        CudaStream stream = link.dialled ? receives : sends;
        peers.put(link, new NcclPeer(device, library, stream, id, rank, channels, nowNs));
    }

    @Override
    public boolean pullsEarly() {
        return false;
    }

    @Override
    public void onPulled(Link link, List<Landing> landings) {
        NcclPeer peer = peers.get(link);
        if (peer == null) {
            return; // The link is failing, and with it what was pulled.
        }
        List<Long> parts = landings.stream().map(Landing::part).toList();
        Messages messages = new Messages();
        for (Landing landing : landings) {
            if (landing.messages().isEmpty()) {
                messages.gathered(landing.address(), landing.bytes());
            } else {
                messages.direct(landing.address(), landing.messages());
            }
        }
        peer.post(
                new Group(
                        false,
                        messages.list,
                        () -> {},
                        through -> {
                            if (through) {
                                listener.onArrived(link, parts);
                            }
                        }));
        poll(link, peer);
    }

    @Override
    public boolean ready(Link link) {
        return peers.containsKey(link);
    }

    @Override
    public void push(Link link, List<Move> moves) {
        NcclPeer peer = peers.get(link);
        if (peer != null) {
            gathering.add(new Pushed(link, peer, moves));
            postGathered();
            poll(link, peer);
        }
    }

    /**
     * Messages of a group. Gathered parts that touch at the receiver are one message; both sides
     * see it the same way, the sender by the places that the receiver has named.
     */
    private static final class Messages {
        final List<Message> list = new ArrayList<>();
        private boolean open;

        /** Adds a part, and tells whether it makes a message longer. */
        boolean gathered(long address, long bytes) {
            int last = list.size() - 1;
            boolean longer = open && list.get(last).end() == address;
            if (longer) {
                Message before = list.get(last);
                list.set(last, new Message(before.address(), before.bytes() + bytes));
            } else {
                list.add(new Message(address, bytes));
            }
            open = true;
            return longer;
        }

        void direct(long address, List<Long> messages) {
            long at = address;
            for (long bytes : messages) {
                list.add(new Message(at, bytes));
                at += bytes;
            }
            open = false;
        }
    }

    @Override
    public List<Long> messages(List<MemoryRegion> source) {
        List<Long> runs = source.stream().map(MemoryRegion::bytes).toList();
        boolean direct =
                runs.size() <= MOST_RUNS && runs.stream().allMatch(run -> run >= DIRECT_BYTES);
        return direct ? runs : List.of();
    }

    // Gathers and posts pushes in order, as far as there is room.
    private void postGathered() {
        for (Pushed head; (head = gathering.peek()) != null; ) {
            int slot = head.moves.stream().allMatch(this::direct) ? NO_SLOT : staging.take();
            if (slot == StagingBuffer.NONE) {
                return;
            }
            gathering.remove();
            post(head, slot);
        }
    }

    private void post(Pushed pushed, int slot) {
        List<Message> messages = List.of();
        try {
            messages = gather(pushed.moves, slot);
        } catch (KvConnectorException cause) {
            listener.onWireFailed(pushed.link, String.valueOf(cause.getMessage()));
        }
        pushed.peer.post(
                new Group(true, messages, () -> prepare(slot), through -> onSent(pushed, slot)));
    }

    private List<Message> gather(List<Move> moves, int slot) {
        Messages there = new Messages();
        List<Message> here = new ArrayList<>();
        long used = 0;
        for (Move move : moves) {
            Part part = move.part();
            long place = part.region() * SPILL_APART + part.at();
            if (direct(move)) {
                there.direct(place, List.of(part.bytes()));
                move.runs().forEach(run -> here.add(new Message(run.address(), run.bytes())));
                continue;
            }
            boolean longer = there.gathered(place, part.bytes());
            if (!longer) {
                used = (used + 255) & -256; // Wide copies want it.
            }
            long at = staging.gather(slot, used, move);
            if (longer) {
                Message before = here.remove(here.size() - 1);
                here.add(new Message(before.address(), before.bytes() + part.bytes()));
            } else {
                here.add(new Message(at, part.bytes()));
            }
            used += part.bytes();
        }
        return here;
    }

    private boolean direct(Move move) {
        return !messages(move.send().op.source()).isEmpty();
    }

    private void prepare(int slot) {
        if (slot != NO_SLOT) {
            staging.join(sends);
        }
    }

    private void onSent(Pushed pushed, int slot) {
        if (slot != NO_SLOT) {
            staging.giveBack(slot);
        }
        listener.onSent(pushed.link, pushed.moves);
    }

    @Override
    public int poll(long now) {
        nowNs = now;
        int workCount = 0;
        for (Map.Entry<Link, NcclPeer> each : List.copyOf(peers.entrySet())) {
            workCount += poll(each.getKey(), each.getValue());
        }
        postGathered();
        leaving.removeIf(NcclCommunicator::released);
        communicators = peers.size();
        communicatorBytes = peers.values().stream().mapToLong(NcclPeer::bytes).sum();
        return workCount;
    }

    private int poll(Link link, NcclPeer peer) {
        try {
            return peer.poll(nowNs);
        } catch (KvConnectorException cause) {
            peer.abort();
            listener.onWireFailed(link, String.valueOf(cause.getMessage()));
            return 1;
        }
    }

    @Override
    public boolean busy() {
        for (NcclPeer peer : peers.values()) {
            if (peer.busy()) {
                return true;
            }
        }
        return !leaving.isEmpty();
    }

    @Override
    public boolean idle(Link link) {
        NcclPeer peer = peers.get(link);
        return peer == null
                || (peer.idle() && gathering.stream().noneMatch(each -> each.link == link));
    }

    @Override
    public void abandon(Link link) {
        NcclPeer peer = peers.get(link);
        if (peer != null && !idle(link)) {
            peer.abort();
        }
    }

    @Override
    public boolean quiet(Link link, long lostNs, long now) {
        return true; // Only our own kernels write here, and the link is idle.
    }

    @Override
    public void release(Link link) {
        NcclPeer peer = peers.remove(link);
        if (peer != null) {
            leaving.add(peer.destroy());
        }
    }

    @Override
    public List<KvMetric> metrics() {
        return List.of(
                gauge("nccl_communicators", "NCCL communicators.", communicators),
                gauge(
                        "nccl_communicator_bytes",
                        "Device memory that became less while they were made.",
                        (double) communicatorBytes));
    }

    private static KvMetric gauge(String name, String help, double value) {
        return new KvMetric(name, help, false, Map.of(), value);
    }

    @Override
    public void close() {
        for (Map.Entry<Link, NcclPeer> each : List.copyOf(peers.entrySet())) {
            abandon(each.getKey());
        }
        long deadlineNs = System.nanoTime() + CLOSE_NS;
        while (System.nanoTime() - deadlineNs < 0) {
            poll(System.nanoTime());
            List<Link> idle = peers.keySet().stream().filter(this::idle).toList();
            idle.forEach(this::release);
            if (peers.isEmpty() && leaving.isEmpty()) {
                break;
            }
            Thread.onSpinWait();
        }
        staging.close();
        sends.close();
        receives.close();
    }
}
