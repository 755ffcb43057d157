// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.plane.pull.Closing;
import io.kvlink.p2p.internal.plane.pull.GpuEndpoint;
import io.kvlink.p2p.internal.plane.pull.Link;
import io.kvlink.p2p.internal.plane.pull.LinkFrame;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.plane.pull.Move;
import io.kvlink.p2p.internal.plane.pull.SideChannel;
import io.kvlink.p2p.internal.plane.pull.Wire;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends and receives by NCCL: a communicator for each link, made by both ends when they meet. All
 * sends of the device take turns in one stream and all receives in another.
 */
public final class NcclWire implements Wire {

    private static final Logger log = LoggerFactory.getLogger(NcclWire.class);

    // A posted group has its partner, unless that hangs.
    private static final NcclLane.Limits LIMITS =
            new NcclLane.Limits(
                    TimeUnit.SECONDS.toNanos(30),
                    TimeUnit.SECONDS.toNanos(10),
                    TimeUnit.SECONDS.toNanos(30),
                    TimeUnit.SECONDS.toNanos(2),
                    0);

    private final NcclLibrary library;
    private final SideChannel channel;
    private final Listener listener;
    private final CudaStream sendStream;
    private final CudaStream receiveStream;
    private final NcclLane sends;
    private final NcclLane receives;
    private final NcclPushes pushes;
    private final Map<Link, NcclPair> links = new LinkedHashMap<>();
    // Written by the device thread, read by any.
    private volatile int communicators;
    private volatile long communicatorBytes;

    public NcclWire(
            CudaDevice device,
            NcclLibrary library,
            SideChannel channel,
            Listener listener,
            int channels,
            long groupBytes) {
        this.library = library;
        this.channel = channel;
        this.listener = listener;
        NcclLane.Limits limits =
                new NcclLane.Limits(
                        LIMITS.connectNs(),
                        LIMITS.sendNs(),
                        LIMITS.receiveNs(),
                        LIMITS.closeNs(),
                        channels);
        pushes = new NcclPushes(device, listener, groupBytes);
        List<Runnable> undo = new ArrayList<>();
        try {
            sendStream = device.newStream();
            undo.add(sendStream::close);
            receiveStream = device.newStream();
            undo.add(receiveStream::close);
            sends = new NcclLane(device, library, sendStream, limits);
            undo.add(() -> closeLane(sends));
            receives = new NcclLane(device, library, receiveStream, limits);
        } catch (KvConnectorException cause) {
            undo.forEach(Runnable::run);
            throw cause;
        }
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
        connect(link, id);
    }

    @Override
    public void onFrame(Link link, LinkFrame frame) {
        if (!(frame instanceof UniqueId unique)
                || unique.id().length != NcclLibrary.UNIQUE_ID_BYTES
                || links.containsKey(link)) {
            listener.onWireFailed(link, "unexpected " + frame);
            return;
        }
        try {
            connect(link, unique.id());
        } catch (KvConnectorException cause) {
            listener.onWireFailed(link, String.valueOf(cause.getMessage()));
        }
    }

    private void connect(Link link, byte[] id) {
        NcclLane lane = link.isDialled() ? receives : sends;
        links.put(link, lane.connect(link.name(), id, !link.isDialled(), new Ends(link)));
    }

    /** Hears how a communicator goes. */
    private final class Ends implements NcclPair.Listener {
        private final Link link;

        Ends(Link link) {
            this.link = link;
        }

        @Override
        public void onReady(NcclPair ready) {
            log.debug("{} took {} bytes of the device", ready, ready.communicatorBytes());
        }

        @Override
        public void onClosed(NcclPair closed, KvError error, String detail) {
            if (error != KvError.CLOSED) {
                listener.onWireFailed(link, error + " " + detail);
            }
        }
    }

    @Override
    public boolean pullsEarly() {
        return false;
    }

    @Override
    public List<Long> messages(List<MemoryRegion> source) {
        return MessageLayout.direct(source);
    }

    @Override
    public void onPulled(Link link, List<Landing> landings) {
        NcclPair from = links.get(link);
        if (from == null) {
            return; // The link is failing, and with it what was pulled.
        }
        MessageLayout messages = new MessageLayout();
        for (Landing landing : landings) {
            if (landing.messages().isEmpty()) {
                messages.addGathered(landing.address(), landing.bytes());
            } else {
                messages.addDirect(landing.address(), landing.messages());
            }
        }
        List<Long> parts = landings.stream().map(Landing::part).toList();
        try {
            from.post(messages.list(), null, new Arriving(link, parts));
        } catch (KvConnectorException cause) {
            listener.onWireFailed(link, String.valueOf(cause.getMessage()));
        }
    }

    /** A group on its way in. If it fails its link does, and with it all that was pulled. */
    private final class Arriving implements NcclGroup.Listener {
        private final Link link;
        private final List<Long> parts;

        Arriving(Link link, List<Long> parts) {
            this.link = link;
            this.parts = parts;
        }

        @Override
        public void onDone(NcclGroup group) {
            listener.onArrived(link, parts);
        }

        @Override
        public void onFailed(NcclGroup group, KvError error, String detail) {
            log.debug("{} {} {}", group, error, detail);
        }
    }

    @Override
    public boolean ready(Link link) {
        return links.containsKey(link);
    }

    @Override
    public void push(Link link, List<Move> moves) {
        NcclPair to = links.get(link);
        if (to == null) {
            throw new IllegalStateException("not ready: " + link);
        }
        pushes.push(link, to, moves);
    }

    @Override
    public int poll(long now) {
        int workCount = receives.poll(now) + sends.poll(now);
        workCount += pushes.poll();
        communicators = sends.links() + receives.links();
        communicatorBytes = sends.communicatorBytes() + receives.communicatorBytes();
        return workCount;
    }

    @Override
    public boolean busy() {
        for (NcclPair each : links.values()) {
            if (each.state() != NcclPair.State.READY || !each.idle()) {
                return true;
            }
        }
        return sends.links() + receives.links() > links.size() || pushes.halfGathered();
    }

    @Override
    public boolean idle(Link link) {
        if (pushes.halfGathered(link)) {
            return false;
        }
        NcclPair nccl = links.get(link);
        return nccl == null
                || nccl.state() == NcclPair.State.CLOSED
                || (nccl.state() == NcclPair.State.READY && nccl.idle() && !pushes.waits(link));
    }

    @Override
    public void abandon(Link link) {
        NcclPair nccl = links.get(link);
        if (nccl != null && !idle(link)) {
            nccl.abort(KvError.CLOSED, "the link is given up");
        }
    }

    @Override
    public boolean writesNoMore(Link link, long lostNs, long now) {
        return true; // Only our own kernels write here, and the link is idle.
    }

    @Override
    public void release(Link link) {
        NcclPair nccl = links.remove(link);
        if (nccl != null) {
            try {
                nccl.close();
            } catch (KvConnectorException cause) {
                log.warn("plane=nccl {}", cause.getMessage());
            }
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
        return KvMetric.gauge(name, help, Map.of(), value);
    }

    @Override
    public void close() {
        links.clear();
        Closing closing = new Closing();
        closing.run(() -> closeLane(sends));
        closing.run(() -> closeLane(receives));
        closing.run(pushes::close);
        closing.run(sendStream::close);
        closing.run(receiveStream::close);
        closing.end();
    }

    private static void closeLane(NcclLane lane) {
        try {
            lane.close(System::nanoTime);
        } catch (KvConnectorException cause) {
            log.error("plane=nccl {}", cause.getMessage());
        }
    }
}
