// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.pull.PullQueue.Waiting;
import io.kvlink.p2p.internal.plane.pull.Wire.Landing;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The receiving half: cuts receives into parts, pulls them, and knows which of them somebody may
 * still write. A receive that is given up ends only when nobody does. Device thread.
 */
public final class PullReceiver implements PullQueue.Puller {

    /** The receiver's arena, and its spill buffer, as exported regions. */
    public static final int ARENA = 0;

    public static final int SPILL = 1;

    /** A part that is pulled and not here. */
    private static final class Pulled {
        final Waiting of;
        // The slot of the spill buffer that it goes through, or -1.
        final int slot;
        // True while our own GPU works on it: the peer has no say any more.
        boolean ours;
        // True when the peer has said that it is here.
        boolean landed;

        Pulled(Waiting of, int slot) {
            this.of = of;
            this.slot = slot;
        }
    }

    private final SideChannel channel;
    private final Wire wire;
    private final SpillBuffer spill;
    private final @Nullable MemoryRegion arena;
    private final PullLane lane;
    private final PullSizes sizes;
    private final Map<Long, Receive> receives = new LinkedHashMap<>();
    private final Map<Long, Pulled> parts = new HashMap<>();
    private final PullQueue queue;
    private long lastPart;

    public PullReceiver(
            SideChannel channel,
            Wire wire,
            SpillBuffer spill,
            @Nullable MemoryRegion arena,
            PullQueue.SpillExport spillExport,
            PullLane lane,
            PullSizes sizes) {
        this.channel = channel;
        this.wire = wire;
        this.spill = spill;
        this.arena = arena;
        this.lane = lane;
        this.sizes = sizes;
        queue = new PullQueue(channel, wire, spill, spillExport, lane, this);
    }

    boolean uses(Link link) {
        return receives.values().stream().anyMatch(each -> each.link == link);
    }

    void receive(ReceiveOp op, Link link) {
        op.destinations().forEach(this::requireKnown);
        if (op.destinations().isEmpty()) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " has no destination");
        }
        Receive receive = new Receive(op, link);
        if (receives.putIfAbsent(op.ticket(), receive) != null) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " was posted twice");
        }
        List<Waiting> early = new ArrayList<>();
        List<Integer> empty = new ArrayList<>();
        for (int index = 0; index < receive.missing.length; index++) {
            MemoryRegion destination = receive.destination(index);
            receive.missing[index] = destination.bytes();
            if (destination.bytes() == 0) {
                empty.add(index);
            } else if (wire.pullsEarly() && destination.kind() == MemoryKind.DEVICE) {
                early.addAll(cut(receive, index, List.of()));
            } else {
                // A slot, or a lane, must not wait for somebody's compute.
                receive.notReady.add(index);
            }
        }
        pull(link, early);
        empty.forEach(index -> complete(receive, index)); // Nobody sends nothing.
    }

    private void requireKnown(MemoryRegion destination) {
        PullSender.requireReachable(destination);
        if (destination.kind() == MemoryKind.DEVICE
                && (arena == null
                        || destination.address() < arena.address()
                        || destination.address() + destination.bytes()
                                > arena.address() + arena.bytes())) {
            throw new IllegalArgumentException("not in the arena: " + destination);
        }
    }

    private List<Waiting> cut(Receive receive, int index, List<Long> runs) {
        MemoryRegion destination = receive.destination(index);
        long most =
                destination.kind() == MemoryKind.DEVICE ? sizes.partBytes() : sizes.spilledBytes();
        List<Waiting> cut = new ArrayList<>();
        for (long offset = 0; offset < destination.bytes(); offset += most) {
            long bytes = Math.min(most, destination.bytes() - offset);
            cut.add(new Waiting(receive, index, offset, bytes, runs));
        }
        return cut;
    }

    /** The sender has a layer that wasn't pulled; false if that is nonsense. */
    boolean onReady(Link link, LinkFrame.Ready ready) {
        Receive receive = receives.get(ready.ticket());
        if (receive == null || receive.link != link || receive.failure != null) {
            return true;
        }
        int index = ready.layer() - receive.op.firstLayer();
        if (receive.notReady.remove(index)) {
            if (!fit(ready.runs(), receive.destination(index).bytes())) {
                return false;
            }
            queue.add(cut(receive, index, ready.runs())); // Pulled with those that follow.
        }
        return true;
    }

    private static boolean fit(List<Long> runs, long bytes) {
        long left = bytes;
        for (long run : runs) {
            if (run > left) {
                return false;
            }
            left -= run;
        }
        return runs.isEmpty() || left == 0;
    }

    @Override
    public void pull(Link link, List<Waiting> group) {
        List<Part> frame = new ArrayList<>();
        List<Landing> landings = new ArrayList<>();
        for (Waiting each : group) {
            Part part = pulled(each);
            frame.add(part);
            long base = part.region() == SPILL ? spill.address() : arenaAddress();
            landings.add(new Landing(part.id(), base + part.at(), each.bytes(), each.messages()));
            if (frame.size() == LinkCodec.MAX_PARTS) {
                send(link, frame, landings);
                frame = new ArrayList<>();
                landings = new ArrayList<>();
            }
        }
        send(link, frame, landings);
    }

    private void send(Link link, List<Part> frame, List<Landing> landings) {
        if (frame.isEmpty()) {
            return;
        }
        if (!wire.pullsEarly()) {
            lane.pulled(link, frame.size());
            landings.forEach(landing -> ours(landing.part()));
        }
        channel.send(link, new LinkFrame.Pull(frame));
        wire.onPulled(link, landings);
    }

    // The sender is bound to send it; what it does is seen by our own GPU.
    private void ours(long part) {
        Pulled pulled = parts.get(part);
        if (pulled != null) {
            pulled.ours = true;
        }
    }

    private long arenaAddress() {
        return arena == null ? 0 : arena.address();
    }

    private Part pulled(Waiting of) {
        int slot = of.spilled() ? spill.take() : -1;
        parts.put(++lastPart, new Pulled(of, slot));
        of.receive().pulled++;
        long at =
                slot >= 0
                        ? spill.offset(slot)
                        : of.receive().destination(of.index()).address()
                                + of.offset()
                                - arenaAddress();
        return new Part(
                lastPart,
                of.receive().op.ticket(),
                of.receive().op.firstLayer() + of.index(),
                of.offset(),
                of.bytes(),
                slot >= 0 ? SPILL : ARENA,
                at);
    }

    /** Parts have landed; false if some weren't on their way. */
    boolean onArrived(Link link, List<Long> arrived) {
        if (!wire.pullsEarly()) {
            lane.landed(link, arrived.size());
        }
        boolean known = true;
        for (long id : arrived) {
            Pulled pulled = parts.get(id);
            if (pulled == null || pulled.landed || pulled.of.receive().link != link) {
                known = false;
            } else {
                pulled.landed = true;
                landed(id, pulled);
            }
        }
        return known;
    }

    private void landed(long id, Pulled pulled) {
        Waiting of = pulled.of;
        if (pulled.slot >= 0 && of.receive().failure == null) {
            try {
                long to = of.receive().destination(of.index()).address() + of.offset();
                spill.drain(pulled.slot, to, of.bytes(), id);
                pulled.ours = true;
                return;
            } catch (KvConnectorException cause) {
                spill.giveBack(pulled.slot);
                String detail = String.valueOf(cause.getMessage());
                drop(of.receive(), KvError.NATIVE_CALL_FAILED, detail);
            }
        } else if (pulled.slot >= 0) {
            spill.giveBack(pulled.slot);
        }
        placed(id, pulled);
    }

    /** Looks what the spill buffer has done, and pulls what there is room for now. */
    int poll() {
        int workCount = spill.poll(this::drained);
        queue.poll();
        return workCount;
    }

    private void drained(long part, @Nullable String failure) {
        Pulled pulled = parts.get(part);
        if (pulled != null && failure != null) {
            drop(pulled.of.receive(), KvError.NATIVE_CALL_FAILED, failure);
        }
        placed(part, pulled);
    }

    // The part's bytes are where they were to go, and nobody works on it any more.
    private void placed(long id, @Nullable Pulled pulled) {
        if (pulled == null || parts.remove(id) == null) {
            return;
        }
        Receive receive = pulled.of.receive();
        int index = pulled.of.index();
        receive.pulled--;
        if (receive.failure != null) {
            endIfQuiet(receive);
            return;
        }
        receive.missing[index] -= pulled.of.bytes();
        if (receive.missing[index] > 0) {
            return;
        }
        complete(receive, index);
    }

    private void complete(Receive receive, int index) {
        receive.layersMissing--;
        if (receive.layersMissing == 0) {
            receives.remove(receive.op.ticket());
        }
        receive.op.listener().onLayerReceived(receive.op, receive.op.firstLayer() + index);
    }

    void cancel(long ticket) {
        Receive receive = receives.get(ticket);
        if (receive != null) {
            drop(receive, KvError.CANCELLED, "ticket=" + ticket);
        }
    }

    // Ends a receive when the sender has said that it writes no more of it.
    @Override
    public void drop(Receive receive, KvError error, String detail) {
        if (receive.failure == null) {
            channel.send(receive.link, new LinkFrame.Drop(receive.op.ticket()));
            fail(receive, error, detail);
        }
    }

    /** The sender will not send the rest of a ticket, and wants to hear that we don't pull it. */
    void onWithdrawn(Link link, long ticket) {
        Receive receive = receives.get(ticket);
        if (receive != null && receive.link == link) {
            if (wire.pullsEarly()) {
                voidParts(each -> each == receive);
            }
            fail(receive, KvError.CANCELLED, "ticket=" + ticket + " was withdrawn by the sender");
        }
        if (!wire.pullsEarly()) {
            channel.send(link, new LinkFrame.Drop(ticket));
        }
    }

    /** The sender writes no more of a ticket that we dropped. */
    void onNoMore(Link link, long ticket) {
        Receive receive = receives.get(ticket);
        if (receive != null && receive.link == link) {
            voidParts(each -> each == receive);
            endIfQuiet(receive);
        }
    }

    /** The link will bring nothing more; what it may still write is not known yet. */
    void onGone(Link link, KvError error, String detail) {
        for (Receive receive : List.copyOf(receives.values())) {
            if (receive.link == link) {
                fail(receive, error, detail);
            }
        }
    }

    /** Nobody at the other end of the link, nor the wire here, writes any more. */
    void onQuiet(Link link) {
        parts.values()
                .forEach(
                        pulled ->
                                pulled.ours &=
                                        pulled.of.receive().link != link || draining(pulled));
        voidParts(each -> each.link == link);
        for (Receive receive : List.copyOf(receives.values())) {
            if (receive.link == link) {
                endIfQuiet(receive);
            }
        }
        lane.forget(link);
        queue.forget(link);
    }

    private boolean draining(Pulled pulled) {
        return pulled.slot >= 0 && spill.draining(pulled.slot);
    }

    // Forgets parts that only the peer could have written.
    private void voidParts(Predicate<Receive> which) {
        parts.values()
                .removeIf(
                        pulled -> {
                            boolean over = which.test(pulled.of.receive()) && !pulled.ours;
                            if (over) {
                                pulled.of.receive().pulled--;
                                if (pulled.slot >= 0) {
                                    spill.giveBack(pulled.slot);
                                }
                            }
                            return over;
                        });
    }

    private void fail(Receive receive, KvError error, String detail) {
        if (receive.failure == null) {
            receive.failure = error;
            receive.detail = detail;
            queue.remove(receive);
        }
        endIfQuiet(receive);
    }

    private void endIfQuiet(Receive receive) {
        KvError failure = receive.failure;
        if (failure != null
                && receive.pulled == 0
                && receives.remove(receive.op.ticket(), receive)) {
            receive.op.listener().onReceiveFailed(receive.op, failure, receive.detail);
        }
    }

    /** Ends everything, whoever may still write: the plane is closed. */
    void abandonAll(KvError error, String detail) {
        parts.clear();
        for (Receive receive : List.copyOf(receives.values())) {
            receive.pulled = 0;
            fail(receive, error, detail);
        }
    }
}
