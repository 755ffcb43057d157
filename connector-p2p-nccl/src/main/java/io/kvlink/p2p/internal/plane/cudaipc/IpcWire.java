// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.RunCopier;
import io.kvlink.p2p.internal.plane.pull.Closing;
import io.kvlink.p2p.internal.plane.pull.GpuEndpoint;
import io.kvlink.p2p.internal.plane.pull.Link;
import io.kvlink.p2p.internal.plane.pull.LinkFrame;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Export;
import io.kvlink.p2p.internal.plane.pull.Move;
import io.kvlink.p2p.internal.plane.pull.PullPart;
import io.kvlink.p2p.internal.plane.pull.PullReceiver;
import io.kvlink.p2p.internal.plane.pull.SideChannel;
import io.kvlink.p2p.internal.plane.pull.SpillBuffer;
import io.kvlink.p2p.internal.plane.pull.Wire;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wire on which the sender writes into the receiver's memory, which it has mapped. Long runs are
 * written with its copy engine, short ones many at a time with a kernel. A stream for each link, so
 * that a receiver delays only itself.
 *
 * <p>The receiver's memory is safe again when the sender has said that it writes no more, or when
 * its process has ended: the kernel closes a process's GPU before it shows it as ended.
 */
public final class IpcWire implements Wire {

    private static final Logger log = LoggerFactory.getLogger(IpcWire.class);

    /**
     * Shorter runs go by kernel: a copy by the engine takes some microseconds whatever its size.
     */
    static final long ENGINE_BYTES = 1 << 20;

    // So many bytes are reported at once, if there are more.
    private static final long BATCH_BYTES = 8 << 20;
    // For a lost peer whose process can't be seen from here.
    private static final long UNSEEN_NS = TimeUnit.SECONDS.toNanos(2);

    private record Batch(CudaEvent event, List<Move> moves) {}

    /** Memory of the receiver that may be written. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Target(long address, long bytes, byte[] handle) {}

    private final class Route {
        final CudaStream stream = device.newStream();
        final ArrayDeque<Batch> batches = new ArrayDeque<>();
        final Map<Integer, Target> targets = new HashMap<>();
    }

    private final CudaDevice device;
    private final SideChannel channel;
    private final GpuEndpoint self;
    private final @Nullable MemoryRegion arena;
    private final Listener listener;
    private final IpcMappings mappings;
    private final IpcReach reach;
    private final Map<Link, Route> routes = new LinkedHashMap<>();
    private final ArrayDeque<CudaEvent> events = new ArrayDeque<>();
    private @Nullable RunCopier copier;
    // Dialled links whose peer's process can be seen from here.
    private final Set<Link> seen = new HashSet<>();

    public IpcWire(
            CudaDevice device,
            SideChannel channel,
            GpuEndpoint self,
            @Nullable MemoryRegion arena,
            Listener listener) {
        this.device = device;
        this.channel = channel;
        this.self = self;
        this.arena = arena;
        this.listener = listener;
        this.mappings = new IpcMappings(device);
        this.reach = new IpcReach(device, mappings);
    }

    @Override
    public boolean reaches(GpuEndpoint mine, GpuEndpoint peer) {
        return reach.reaches(mine, peer);
    }

    @Override
    public void forget(GpuEndpoint peer) {
        reach.forget(peer);
    }

    @Override
    public void greet(Link link) {
        GpuEndpoint peer = link.peer();
        if (peer != null && !peer.gone(self).orElse(true)) {
            seen.add(link);
        }
        if (arena != null) {
            channel.send(
                    link,
                    new Export(PullReceiver.ARENA, self.handle(), arena.address(), arena.bytes()));
        }
    }

    /** Frame by which a sender gets at the spill buffer. */
    public LinkFrame describe(SpillBuffer spill) {
        return new Export(
                PullReceiver.SPILL, device.export(spill.address()), spill.address(), spill.bytes());
    }

    @Override
    public void onFrame(Link link, LinkFrame frame) {
        GpuEndpoint peer = link.peer();
        if (!(frame instanceof Export export) || link.isDialled() || peer == null) {
            listener.onWireFailed(link, "unexpected " + frame);
            return;
        }
        try {
            Route route = route(link);
            if ((export.region() != PullReceiver.ARENA && export.region() != PullReceiver.SPILL)
                    || route.targets.containsKey(export.region())) {
                listener.onWireFailed(link, "exported again: region=" + export.region());
                return;
            }
            Target target;
            if (self.sameProcess(peer)) {
                device.enablePeer(peer.gpu());
                target = new Target(export.address(), export.bytes(), new byte[0]);
            } else {
                long address = mappings.take(export.handle());
                target = new Target(address, export.bytes(), export.handle());
            }
            route.targets.put(export.region(), target);
        } catch (KvConnectorException cause) {
            listener.onWireFailed(link, String.valueOf(cause.getMessage()));
        }
    }

    private Route route(Link link) {
        return routes.computeIfAbsent(link, key -> new Route());
    }

    private void letGo(Target target) {
        if (target.handle().length > 0) {
            mappings.giveBackQuietly(target.handle());
        }
    }

    @Override
    public boolean pullsEarly() {
        return true;
    }

    @Override
    public List<Long> messages(List<MemoryRegion> source) {
        return List.of();
    }

    @Override
    public void onPulled(Link link, List<Landing> landings) {
        // The sender writes, and tells when it has.
    }

    @Override
    public boolean ready(Link link) {
        return true;
    }

    @Override
    public void push(Link link, List<Move> moves) {
        Route route = routes.get(link);
        int marked = 0;
        try {
            route = route(link);
            RunCopier runs = copier();
            CudaEvent awaited = null;
            long bytes = 0;
            for (int i = 0; i < moves.size(); i++) {
                Move move = moves.get(i);
                long to = destination(route, move.part());
                CudaEvent after = move.send().op().after();
                if (after != null && after != awaited) {
                    // What was added may not wait for it.
                    runs.flush(route.stream);
                    device.await(route.stream, after);
                    awaited = after;
                }
                copy(move, to, runs, route.stream);
                bytes += move.part().bytes();
                if (bytes >= BATCH_BYTES || i == moves.size() - 1) {
                    runs.flush(route.stream);
                    mark(route, moves.subList(marked, i + 1));
                    marked = i + 1;
                    bytes = 0;
                }
            }
        } catch (KvConnectorException cause) {
            onPushFailed(link, route, moves.subList(marked, moves.size()), cause);
        }
    }

    private static long destination(Route route, PullPart part) {
        Target target = route.targets.get(part.region());
        if (target == null || part.at() > target.bytes() - part.bytes()) {
            throw new KvConnectorException(KvError.MALFORMED_FRAME, "not exported: " + part);
        }
        return target.address() + part.at();
    }

    private void mark(Route route, List<Move> moves) {
        CudaEvent event = event();
        try {
            device.record(event, route.stream);
        } catch (KvConnectorException cause) {
            events.add(event);
            throw cause;
        }
        route.batches.add(new Batch(event, List.copyOf(moves)));
    }

    // What couldn't be enqueued isn't read; what was, is over when the stream has come to here.
    private void onPushFailed(
            Link link, @Nullable Route route, List<Move> rest, KvConnectorException cause) {
        if (copier != null) {
            copier.close(); // With the runs that it has gathered: nobody must enqueue them now.
            copier = null;
        }
        boolean marked = false;
        if (route != null) {
            try {
                mark(route, rest);
                marked = true;
            } catch (KvConnectorException lost) {
                log.warn("plane=cuda-ipc {}", lost.getMessage()); // Its context runs nothing.
            }
        }
        listener.onWireFailed(link, String.valueOf(cause.getMessage()));
        if (!marked) {
            listener.onSent(link, rest);
        }
    }

    private void copy(Move move, long destination, RunCopier runs, CudaStream stream) {
        long to = destination;
        for (Move.Run run : move.runs()) {
            if (run.bytes() >= ENGINE_BYTES || !run.onDevice()) {
                device.copy(run.address(), to, run.bytes(), stream);
            } else {
                runs.add(run.address(), to, run.bytes(), stream);
            }
            to += run.bytes();
        }
    }

    private RunCopier copier() {
        if (copier == null) {
            copier = device.newRunCopier(RunCopier.WIDE);
        }
        return copier;
    }

    private CudaEvent event() {
        CudaEvent pooled = events.poll();
        return pooled == null ? device.newEvent() : pooled;
    }

    @Override
    public int poll(long nowNs) {
        int workCount = 0;
        for (Map.Entry<Link, Route> each : List.copyOf(routes.entrySet())) {
            workCount += poll(each.getKey(), each.getValue());
        }
        return workCount;
    }

    private int poll(Link link, Route route) {
        List<Move> sent = new ArrayList<>();
        try {
            for (Batch head;
                    (head = route.batches.peek()) != null && device.complete(head.event()); ) {
                route.batches.remove();
                events.add(head.event());
                sent.addAll(head.moves());
            }
            if (!sent.isEmpty() && link.open()) {
                List<Long> parts = new ArrayList<>(sent.size());
                sent.forEach(move -> parts.add(move.part().id()));
                channel.send(link, new LinkFrame.Written(parts));
            }
        } catch (KvConnectorException cause) {
            // The context is lost: nothing runs in it any more.
            for (Batch batch : route.batches) {
                events.add(batch.event());
                sent.addAll(batch.moves());
            }
            route.batches.clear();
            listener.onWireFailed(link, String.valueOf(cause.getMessage()));
        }
        if (!sent.isEmpty()) {
            listener.onSent(link, sent);
        }
        return sent.size();
    }

    @Override
    public boolean busy() {
        for (Route route : routes.values()) {
            if (!route.batches.isEmpty()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean idle(Link link) {
        Route route = routes.get(link);
        return route == null || route.batches.isEmpty();
    }

    @Override
    public void abandon(Link link) {
        // Copies that are enqueued end by themselves, and soon.
    }

    @Override
    public boolean writesNoMore(Link link, long lostNs, long nowNs) {
        GpuEndpoint peer = link.peer();
        if (peer == null || link.peerHasEnded()) {
            return true;
        }
        boolean blind = self.sameProcess(peer) || !seen.contains(link);
        Optional<Boolean> gone = blind ? Optional.empty() : peer.gone(self);
        return gone.orElse(nowNs - lostNs > UNSEEN_NS);
    }

    @Override
    public void release(Link link) {
        seen.remove(link);
        Route route = routes.remove(link);
        if (route != null) {
            route.batches.forEach(batch -> events.add(batch.event()));
            try {
                route.stream.close();
            } catch (KvConnectorException cause) {
                log.warn("plane=cuda-ipc {}", cause.getMessage());
            }
            route.targets.values().forEach(this::letGo);
        }
        GpuEndpoint peer = link.peer();
        if (peer != null) {
            reach.forget(peer);
        }
    }

    @Override
    public List<KvMetric> metrics() {
        return List.of();
    }

    @Override
    public void close() {
        Closing closing = new Closing();
        List.copyOf(routes.keySet()).forEach(link -> closing.run(() -> release(link)));
        closing.run(mappings::close);
        events.forEach(event -> closing.run(event::close));
        events.clear();
        if (copier != null) {
            closing.run(copier::close);
            copier = null;
        }
        closing.end();
    }
}
