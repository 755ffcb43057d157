// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.gpu.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.gpu.NcclPeer.Group;
import io.kvlink.p2p.internal.gpu.NcclPeer.Message;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvMetric;
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

    /** A layer of a few runs travels as so many messages; one of more is gathered first. */
    private static final int MOST_RUNS = 4;

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
    // Pushed by a sender, and waiting for a half of the staging buffer; in order, all links'.
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
    public int mostRuns() {
        return MOST_RUNS;
    }

    @Override
    public void onPulled(Link link, List<Landing> landings) {
        NcclPeer peer = peers.get(link);
        if (peer == null) {
            return; // The link is failing, and with it what was pulled.
        }
        List<Message> messages = new ArrayList<>();
        List<Long> parts = new ArrayList<>();
        for (Landing landing : landings) {
            long at = landing.address();
            for (long bytes : landing.messages()) {
                messages.add(new Message(at, bytes));
                at += bytes;
            }
            parts.add(landing.part());
        }
        peer.post(
                new Group(
                        false,
                        messages,
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

    // Posts pushes in order, as far as those to be gathered find room.
    private void postGathered() {
        for (Pushed head; (head = gathering.peek()) != null; ) {
            int half = head.moves.stream().anyMatch(NcclWire::scattered) ? staging.take() : -2;
            if (half == -1) {
                return;
            }
            gathering.remove();
            post(head, half);
        }
    }

    private static boolean scattered(Move move) {
        return move.send().op.source().size() > MOST_RUNS;
    }

    private void post(Pushed pushed, int half) {
        List<Message> messages = new ArrayList<>();
        try {
            for (Move move : pushed.moves) {
                if (scattered(move)) {
                    messages.add(new Message(staging.gather(half, move), move.part().bytes()));
                } else {
                    for (Move.Run run : move.runs()) {
                        messages.add(new Message(run.address(), run.bytes()));
                    }
                }
            }
        } catch (KvConnectorException cause) {
            listener.onWireFailed(pushed.link, String.valueOf(cause.getMessage()));
            messages.clear();
        }
        pushed.peer.post(
                new Group(
                        true,
                        messages,
                        () -> prepare(pushed, half),
                        through -> onSent(pushed, half)));
    }

    private void prepare(Pushed pushed, int half) {
        CudaEvent awaited = null;
        for (Move move : pushed.moves) {
            CudaEvent after = move.send().op.after();
            if (after != null && after != awaited) {
                device.await(sends, after);
                awaited = after;
            }
        }
        if (half >= 0) {
            staging.join(sends);
        }
    }

    private void onSent(Pushed pushed, int half) {
        if (half >= 0) {
            staging.giveBack(half);
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
