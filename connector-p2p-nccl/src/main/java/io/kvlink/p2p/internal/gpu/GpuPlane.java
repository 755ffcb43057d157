// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.dataplane.DataPlane;
import io.kvlink.p2p.internal.gpu.LinkFrame.Bye;
import io.kvlink.p2p.internal.gpu.LinkFrame.Drop;
import io.kvlink.p2p.internal.gpu.LinkFrame.Dropped;
import io.kvlink.p2p.internal.gpu.LinkFrame.Export;
import io.kvlink.p2p.internal.gpu.LinkFrame.Failed;
import io.kvlink.p2p.internal.gpu.LinkFrame.Pull;
import io.kvlink.p2p.internal.gpu.LinkFrame.Ready;
import io.kvlink.p2p.internal.gpu.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.gpu.LinkFrame.Written;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A plane between GPUs: the receiver dials the sender and pulls parts; the wire moves them. Layers
 * lie in device memory or in pinned host memory at both ends.
 *
 * <p>A link ends in order: both sides stop, let their GPU end what it works on, say Bye, and only
 * then close. A link that ends otherwise is <i>lost</i>: its receives have failed, but end only
 * when the wire knows that nobody writes their memory any more.
 */
final class GpuPlane implements DataPlane, SideChannel.Listener, Wire.Listener {

    private static final Logger log = LoggerFactory.getLogger(GpuPlane.class);
    private static final String CLOSED = "the plane is closed";
    // How long the thread looks again and again before it sleeps: waking it costs more than most
    // transfers.
    private static final long SPIN_NS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long BUSY_SPIN_NS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long NAP_NS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long SWEEP_NS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long CLOSE_NS = TimeUnit.SECONDS.toNanos(2);

    private final String name;
    private final CudaDevice device;
    private final long unusedNs;
    private final SideChannel channel;
    private final GpuEndpoint self;
    private final String endpoint;
    private final Wire wire;
    private final SpillBuffer spill;
    private final PullSender sender;
    private final PullReceiver receiver;

    // Links that this node dialled to receive on, by the peer's endpoint.
    private final Map<String, Link> dialled = new HashMap<>();
    private final Map<Link, Long> usedNs = new HashMap<>();
    // Links that end in order: accepted ones until the wire is idle, dialled ones until Bye comes.
    private final Map<Link, String> leaving = new LinkedHashMap<>();
    // Closed links whose wire isn't idle or quiet yet, and since when.
    private final Map<Link, Long> lost = new LinkedHashMap<>();

    private boolean attached;
    private boolean closed;
    private long nowNs;
    private long sweepNs;
    private long lastWorkNs;

    /** Makes the parts of a plane. */
    interface Parts {
        /** Where peers find it, given where the side channel listens. */
        GpuEndpoint endpoint(SideChannel channel);

        Wire wire(SideChannel channel, GpuEndpoint self, GpuPlane plane);

        PullReceiver receiver(SideChannel channel, SpillBuffer spill, Wire wire);
    }

    /**
     * Opens a plane.
     *
     * @param name its name
     * @param device the GPU; borrowed
     * @param host the address to listen on
     * @param unusedNs links that nothing was received on for so long are closed
     * @param sizes of the spill buffer
     * @param parts makes what differs between wires
     */
    GpuPlane(
            String name,
            CudaDevice device,
            String host,
            long unusedNs,
            PullSizes sizes,
            Parts parts) {
        this.name = name;
        this.device = device;
        this.unusedNs = unusedNs;
        channel = SideChannel.open(host, this);
        self = parts.endpoint(channel);
        endpoint = self.text();
        wire = parts.wire(channel, self, this);
        spill = new SpillBuffer(device, sizes);
        sender = new PullSender(device, channel, wire, this::onWireFailed);
        receiver = parts.receiver(channel, spill, wire);
    }

    SideChannel channel() {
        return channel;
    }

    /** Whether no link is ending, and no GPU works for one. */
    boolean settled() {
        return leaving.isEmpty() && lost.isEmpty() && !wire.busy() && !spill.busy();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String endpoint() {
        return endpoint;
    }

    @Override
    public boolean sharedLane() {
        return false; // Lanes, where there are any, are kept by PullLane.
    }

    @Override
    public boolean arrivesSoon() {
        return true;
    }

    @Override
    public boolean reaches(String peer) {
        return GpuEndpoint.parse(peer).map(parsed -> wire.reaches(self, parsed)).orElse(false);
    }

    @Override
    public void send(SendOp op) {
        attach();
        PullSender.requireReachable(op);
        if (closed) {
            op.listener().onSendFailed(op, KvError.CLOSED, CLOSED);
            return;
        }
        sender.send(op);
        lastWorkNs = nowNs;
    }

    @Override
    public void receive(ReceiveOp op) {
        attach();
        if (closed) {
            op.listener().onReceiveFailed(op, KvError.CLOSED, CLOSED);
            return;
        }
        Link link = dialled.get(op.endpoint());
        if (link == null) {
            GpuEndpoint peer = GpuEndpoint.parse(op.endpoint()).orElse(null);
            if (peer == null) {
                throw new IllegalArgumentException("endpoint=" + op.endpoint());
            }
            try {
                link = channel.dial(peer, op.endpoint(), endpoint);
            } catch (IOException cause) {
                op.listener().onReceiveFailed(op, KvError.PEER_LOST, "dial: " + cause);
                return;
            }
            dialled.put(op.endpoint(), link);
            wire.greet(link);
        }
        usedNs.put(link, nowNs);
        receiver.receive(op, link);
    }

    @Override
    public void cancelSends(String peer, long ticket) {
        sender.cancel(peer, ticket);
    }

    @Override
    public void cancelReceive(long ticket) {
        receiver.cancel(ticket);
    }

    @Override
    public void disconnect(String peer) {
        String detail = "the peer was disconnected";
        Link to = dialled.get(peer);
        if (to != null) {
            leave(to, detail);
        }
        Link from = sender.linkOf(peer);
        if (from != null) {
            leave(from, detail);
        }
        sender.failAll(peer, KvError.PEER_LOST, detail);
    }

    // Ends a link in order. What uses it fails now, and ends when the GPU has let go.
    private void leave(Link link, String detail) {
        if (leaving.putIfAbsent(link, detail) != null || lost.containsKey(link)) {
            return;
        }
        link.state = Link.State.LEAVING;
        if (link.dialled) {
            dialled.remove(link.endpoint, link);
            receiver.onGone(link, KvError.PEER_LOST, detail);
            if (wire.idle(link)) {
                channel.send(link, new Bye());
                link.byeSaid = true;
            }
        } else {
            sender.onGone(link, KvError.PEER_LOST, detail);
        }
        wire.abandon(link);
    }

    private void attach() {
        if (!attached) {
            attached = true;
            device.attach();
        }
    }

    @Override
    public int poll(long now) {
        attach();
        nowNs = now;
        int workCount = channel.poll(now);
        workCount += sender.announceComplete();
        workCount += sender.push();
        workCount += wire.poll(now);
        workCount += receiver.poll();
        if (!leaving.isEmpty() || !lost.isEmpty()) {
            workCount += settleLinks();
        }
        if (now - sweepNs >= 0) {
            sweepNs = now + SWEEP_NS;
            channel.closeOverdue(now);
            closeUnused();
        }
        channel.flush();
        if (workCount > 0) {
            lastWorkNs = now;
        }
        return workCount;
    }

    private void closeUnused() {
        for (Link link : List.copyOf(dialled.values())) {
            Long used = usedNs.get(link);
            if (receiver.uses(link)) {
                usedNs.put(link, nowNs);
            } else if (used != null && nowNs - used > unusedNs) {
                leave(link, "unused");
            }
        }
    }

    private int settleLinks() {
        int workCount = 0;
        for (Link link : List.copyOf(leaving.keySet())) {
            if (wire.idle(link) && !link.byeSaid) {
                channel.send(link, new Bye());
                link.byeSaid = true;
                workCount++;
            }
            // An accepted link's peer hears Bye and closes; a dialled one's answers with Bye.
            if (link.byeSaid && (link.byeHeard || link.state == Link.State.CLOSED)) {
                workCount++;
                channel.close(link);
                end(link);
            }
        }
        for (Map.Entry<Link, Long> each : List.copyOf(lost.entrySet())) {
            Link link = each.getKey();
            if (wire.idle(link) && (!link.dialled || wire.quiet(link, each.getValue(), nowNs))) {
                workCount++;
                end(link);
            }
        }
        return workCount;
    }

    private void end(Link link) {
        leaving.remove(link);
        lost.remove(link);
        usedNs.remove(link);
        if (link.dialled) {
            receiver.onQuiet(link);
        } else {
            sender.forget(link);
        }
        wire.release(link);
    }

    @Override
    public void onAccepted(Link link) {
        Link older = sender.linkOf(link.endpoint);
        if (older != null) {
            leave(older, "the peer has dialled again");
        }
        sender.onAccepted(link);
    }

    @Override
    public void onFrame(Link link, LinkFrame frame) {
        if (frame instanceof Bye) {
            link.byeHeard = true;
            leave(link, "the peer said goodbye");
        } else if (link.dialled) {
            onSendersFrame(link, frame);
        } else if (link.open()) {
            onReceiversFrame(link, frame);
        }
    }

    private void onSendersFrame(Link link, LinkFrame frame) {
        if (frame instanceof Written written) {
            receiver.onArrived(link, written.parts());
        } else if (frame instanceof Ready ready) {
            receiver.onReady(link, ready);
        } else if (frame instanceof Failed failed) {
            receiver.onWithdrawn(link, failed.ticket());
        } else if (frame instanceof Dropped dropped) {
            receiver.onNoMore(link, dropped.ticket());
        } else {
            onWireFailed(link, "unexpected " + frame);
        }
    }

    private void onReceiversFrame(Link link, LinkFrame frame) {
        if (frame instanceof Pull pull) {
            sender.onPull(link, pull.parts());
        } else if (frame instanceof Drop drop) {
            sender.onDrop(link, drop.ticket());
        } else if (frame instanceof Export || frame instanceof UniqueId) {
            wire.onFrame(link, frame);
        } else {
            onWireFailed(link, "unexpected " + frame);
        }
    }

    @Override
    public void onClosed(Link link, String reason) {
        if (leaving.containsKey(link) && link.byeHeard) {
            return; // settleLinks ends it when the wire is idle.
        }
        leaving.remove(link);
        lost.put(link, nowNs);
        if (link.dialled) {
            dialled.remove(link.endpoint, link);
            receiver.onGone(link, KvError.PEER_LOST, reason);
        } else {
            sender.onGone(link, KvError.PEER_LOST, reason);
        }
        wire.abandon(link);
    }

    @Override
    public void onSent(Link link, List<Move> moves) {
        sender.onSent(link, moves);
    }

    @Override
    public void onArrived(Link link, List<Long> parts) {
        receiver.onArrived(link, parts);
    }

    @Override
    public void onWireFailed(Link link, String detail) {
        log.warn("plane={} {} failed: {}", name, link, detail);
        leave(link, detail);
    }

    @Override
    public void idle(long maxNs) {
        if (wire.busy()
                || spill.busy()
                || sender.watching()
                || !leaving.isEmpty()
                || !lost.isEmpty()) {
            // What a GPU does wakes nobody.
            if (nowNs - lastWorkNs < BUSY_SPIN_NS) {
                Thread.onSpinWait();
            } else {
                channel.idle(Math.min(maxNs, NAP_NS));
            }
        } else if (nowNs - lastWorkNs < SPIN_NS) {
            Thread.onSpinWait();
        } else {
            channel.idle(maxNs);
        }
    }

    @Override
    public void wakeup() {
        channel.wakeup();
    }

    @Override
    public List<KvMetric> metrics() {
        return wire.metrics();
    }

    /** Waits, within a bound, until the GPU has let go of what is under way. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        attach();
        for (Link link : sender.links()) {
            leave(link, CLOSED);
        }
        List.copyOf(dialled.values()).forEach(link -> leave(link, CLOSED));
        sender.failAll(KvError.CLOSED, CLOSED);
        long deadlineNs = System.nanoTime() + CLOSE_NS;
        while ((!leaving.isEmpty() || !lost.isEmpty() || wire.busy() || spill.busy())
                && System.nanoTime() - deadlineNs < 0) {
            poll(System.nanoTime());
            channel.idle(NAP_NS);
        }
        if (!leaving.isEmpty() || !lost.isEmpty()) {
            log.error("plane={} closed with links that didn't end: {} {}", name, leaving, lost);
        }
        sender.abandonAll(KvError.CLOSED, CLOSED);
        receiver.abandonAll(KvError.CLOSED, CLOSED);
        wire.close();
        spill.close();
        channel.close();
    }
}
