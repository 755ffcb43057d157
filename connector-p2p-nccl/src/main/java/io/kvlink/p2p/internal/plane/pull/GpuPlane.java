// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Bye;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Drop;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Dropped;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Export;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Failed;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Pull;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Ready;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settle;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settled;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Written;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A plane between GPUs: the receiver dials the sender and pulls parts; the wire moves them. Pieces
 * lie in device memory or in pinned host memory at both ends.
 *
 * <p>When a link ends ({@link LinkEnds}), what uses it fails at once, but its operations end only
 * when nobody works on their memory any more.
 */
public final class GpuPlane implements DataPlane, SideChannel.Listener, Wire.Listener {

    private static final Logger log = LoggerFactory.getLogger(GpuPlane.class);
    private static final String CLOSED = "the plane is closed";
    private static final long CLOSING_NAP_NS = TimeUnit.MICROSECONDS.toNanos(50);
    private static final long CLOSE_NS = TimeUnit.SECONDS.toNanos(2);

    private final String name;
    private final CudaDevice device;
    private final SideChannel channel;
    private final GpuEndpoint self;
    private final String endpoint;
    private final Wire wire;
    private final SpillBuffer spill;
    private final PullSender sender;
    private final PullReceiver receiver;

    private final DialledLinks dialled;
    private final LinkEnds ends;
    private final Spinning spinning = new Spinning();

    private boolean attached;
    private boolean polled;
    private boolean closed;
    private long nowNs;

    /** Makes the parts of a plane. */
    public interface Parts {
        /** Endpoint at which peers find the plane, given where the side channel listens. */
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
    public GpuPlane(
            String name,
            CudaDevice device,
            String host,
            long unusedNs,
            PullSizes sizes,
            Parts parts) {
        this.name = name;
        this.device = device;
        channel = SideChannel.open(host, this);
        try {
            self = parts.endpoint(channel);
            wire = parts.wire(channel, self, this);
        } catch (RuntimeException cause) {
            channel.close();
            throw cause;
        }
        endpoint = self.text();
        spill = new SpillBuffer(device, sizes);
        sender = new PullSender(device, channel, wire, this::onWireFailed);
        receiver = parts.receiver(channel, spill, wire);
        dialled = new DialledLinks(channel, wire, endpoint, unusedNs);
        ends = new LinkEnds(channel, wire, this::onEnded, this::redial);
    }

    SideChannel channel() {
        return channel;
    }

    /** True if no link is ending, and no GPU works for one. */
    public boolean settled() {
        return ends.isEmpty() && !wire.busy() && !spill.busy();
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
        spinning.worked(nowNs);
    }

    @Override
    public void receive(ReceiveOp op) {
        attach();
        if (closed) {
            op.listener().onReceiveFailed(op, KvError.CLOSED, CLOSED);
            return;
        }
        Link link = dialled.dial(op.endpoint(), nowNs);
        if (link == null) {
            op.listener().onReceiveFailed(op, KvError.PEER_LOST, "can't dial " + op.endpoint());
            return;
        }
        dialled.used(link, nowNs);
        receiver.receive(op, link);
    }

    private @Nullable Link redial(Link lost) {
        return dialled.dial(lost.endpoint, nowNs);
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
        Link to = dialled.find(peer);
        if (to != null) {
            leave(to, KvError.PEER_LOST, detail, false);
        }
        Link from = sender.linkOf(peer);
        if (from != null) {
            leave(from, KvError.PEER_LOST, detail, false);
        }
        sender.failAll(peer, KvError.PEER_LOST, detail);
        GpuEndpoint.parse(peer).ifPresent(wire::forget);
    }

    // Ends a link in order. What uses it fails now, and ends when the GPU has let go.
    private void leave(Link link, KvError error, String detail, boolean returning) {
        if (ends.leave(link, nowNs)) {
            failAll(link, error, detail, returning);
        }
    }

    private void failAll(Link link, KvError error, String detail, boolean returning) {
        if (link.dialled) {
            dialled.forget(link);
            receiver.onGone(link, error, detail);
        } else {
            sender.onGone(link, error, detail, returning);
        }
        wire.abandon(link);
    }

    private void attach() {
        if (!attached) {
            device.attach();
            attached = true;
        }
    }

    @Override
    public int poll(long now) {
        attach();
        nowNs = now;
        if (!polled) {
            polled = true;
            spinning.worked(now);
            dialled.beginTime(now);
        }
        int workCount = channel.poll(now);
        workCount += sender.announceComplete();
        workCount += sender.push();
        workCount += wire.poll(now);
        workCount += receiver.poll();
        workCount += ends.poll(now);
        if (channel.sweep()) {
            closeUnused();
        }
        channel.flush();
        if (workCount > 0) {
            spinning.worked(now);
        }
        return workCount;
    }

    private void closeUnused() {
        for (Link link : dialled.unused(receiver::uses, nowNs)) {
            leave(link, KvError.PEER_LOST, "unused", false);
        }
    }

    private void onEnded(Link link) {
        if (link.dialled) {
            receiver.onWritesEnded(link);
        } else {
            sender.forget(link);
        }
        wire.release(link);
    }

    @Override
    public void onAccepted(Link link) {
        Link older = sender.linkOf(link.endpoint);
        if (older != null) {
            leave(older, KvError.PEER_LOST, "the peer has dialled again", true);
        }
        sender.onAccepted(link);
    }

    @Override
    public void onFrame(Link link, LinkFrame frame) {
        if (frame instanceof Bye) {
            link.byeHeard = true;
            // A receiver that said it may be dialling already, for what is to be sent next.
            leave(link, KvError.PEER_LOST, "the peer said goodbye", true);
        } else if (link.dialled) {
            onSendersFrame(link, frame);
        } else if (link.open()) {
            onReceiversFrame(link, frame);
        }
    }

    private void onSendersFrame(Link link, LinkFrame frame) {
        if (frame instanceof Written written) {
            if (!receiver.onArrived(link, written.parts())) {
                onWireFailed(link, "it wrote what wasn't pulled");
            }
        } else if (frame instanceof Ready ready) {
            if (!receiver.onReady(link, ready)) {
                onWireFailed(link, "its piece has another size: " + ready.ticket());
            }
        } else if (frame instanceof Failed failed) {
            receiver.onWithdrawn(link, failed.ticket());
        } else if (frame instanceof Dropped dropped) {
            receiver.onNoMore(link, dropped.ticket());
        } else if (frame instanceof Settled) {
            ends.onSettled(link);
        } else {
            onWireFailed(link, "unexpected " + frame);
        }
    }

    private void onReceiversFrame(Link link, LinkFrame frame) {
        if (frame instanceof Pull pull) {
            sender.onPull(link, pull.parts());
        } else if (frame instanceof Drop drop) {
            sender.onDrop(link, drop.ticket());
        } else if (frame instanceof Settle) {
            ends.onSettle(link);
        } else if (frame instanceof Export || frame instanceof UniqueId) {
            wire.onFrame(link, frame);
        } else {
            onWireFailed(link, "unexpected " + frame);
        }
    }

    @Override
    public void onClosed(Link link, String reason) {
        if (link.refused()) {
            ends.onRefused(link, nowNs);
        }
        if (ends.onClosed(link, nowNs)) {
            failAll(link, KvError.PEER_LOST, reason, false);
        }
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
        leave(link, KvError.PEER_LOST, detail, false);
    }

    @Override
    public void idle(long maxNs) {
        boolean gpuWorks = wire.busy() || spill.busy() || sender.watching() || !ends.isEmpty();
        if (!spinning.spins(gpuWorks, nowNs, maxNs)) {
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
        Closing closing = new Closing();
        closing.run(this::attach);
        closing.run(this::endLinks);
        // Operations end when what they use is closed: nothing works for them any more.
        closing.run(wire::close);
        closing.run(spill::close);
        closing.run(channel::close);
        closing.run(() -> sender.abandonAll(KvError.CLOSED, CLOSED));
        closing.run(() -> receiver.abandonAll(KvError.CLOSED, CLOSED));
        closing.end();
    }

    private void endLinks() {
        for (Link link : sender.links()) {
            leave(link, KvError.CLOSED, CLOSED, false);
        }
        for (Link link : dialled.all()) {
            leave(link, KvError.CLOSED, CLOSED, false);
        }
        long startNs = System.nanoTime();
        long atNs = nowNs;
        for (long passedNs = 0; !settled() && passedNs < CLOSE_NS; ) {
            poll(atNs + passedNs);
            channel.idle(CLOSING_NAP_NS);
            passedNs = System.nanoTime() - startNs;
        }
        if (!ends.isEmpty()) {
            log.error("plane={} closed with links that didn't end: {}", name, ends);
        }
    }
}
