// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.pull.PullQueue.Waiting;
import io.kvlink.p2p.internal.plane.pull.PulledParts.Pulled;
import io.kvlink.p2p.internal.plane.pull.Wire.Landing;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The receiving half: cuts receives into parts, pulls them, and knows which of them somebody may
 * still write. A receive that is given up ends only when nobody does. Device thread.
 */
public final class PullReceiver implements PullQueue.Puller {

    /** The receiver's arena, and its spill buffer, as exported regions. */
    public static final int ARENA = 0;

    public static final int SPILL = 1;

    private final SideChannel channel;
    private final Wire wire;
    private final SpillBuffer spill;
    private final @Nullable MemoryRegion arena;
    private final PullTurns turns;
    private final PullSizes sizes;
    private final Map<Long, PendingReceive> receives = new LinkedHashMap<>();
    private final PulledParts parts;
    private final PullQueue queue;

    public PullReceiver(
            SideChannel channel,
            Wire wire,
            SpillBuffer spill,
            @Nullable MemoryRegion arena,
            PullQueue.SpillExport spillExport,
            PullTurns turns,
            PullSizes sizes) {
        this.channel = channel;
        this.wire = wire;
        this.spill = spill;
        this.arena = arena;
        this.turns = turns;
        this.sizes = sizes;
        parts = new PulledParts(spill);
        queue = new PullQueue(channel, wire, spill, spillExport, turns, this);
    }

    boolean uses(Link link) {
        return receives.values().stream().anyMatch(each -> each.link == link);
    }

    void receive(ReceiveOp op, Link link) {
        op.destinations().forEach(this::requireKnown);
        if (op.destinations().isEmpty()) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " has no destination");
        }
        PendingReceive receive = new PendingReceive(op, link);
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

    private List<Waiting> cut(PendingReceive receive, int index, List<Long> runs) {
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

    /** The sender has a piece that wasn't pulled; false if that is nonsense. */
    boolean onReady(Link link, LinkFrame.Ready ready) {
        PendingReceive receive = receives.get(ready.ticket());
        if (receive == null || receive.link != link || receive.failure != null) {
            return true;
        }
        int index = ready.piece() - receive.op.firstPiece();
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
        List<PullPart> frame = new ArrayList<>();
        List<Landing> landings = new ArrayList<>();
        for (Waiting each : group) {
            PullPart part = pulled(each);
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

    private void send(Link link, List<PullPart> frame, List<Landing> landings) {
        if (frame.isEmpty()) {
            return;
        }
        if (!wire.pullsEarly()) {
            turns.pulled(link, frame.size());
            landings.forEach(landing -> ours(landing.part()));
        }
        channel.send(link, new LinkFrame.Pull(frame));
        wire.onPulled(link, landings);
    }

    // The sender is bound to send it; what it does is seen by our own GPU.
    private void ours(long part) {
        Pulled pulled = parts.find(part);
        if (pulled != null) {
            pulled.claim();
        }
    }

    private long arenaAddress() {
        return arena == null ? 0 : arena.address();
    }

    private PullPart pulled(Waiting of) {
        Pulled pulled = parts.add(of);
        PendingReceive receive = of.receive();
        long place =
                pulled.spilled()
                        ? spill.offset(pulled.slot)
                        : receive.destination(of.index()).address() + of.offset() - arenaAddress();
        return new PullPart(
                pulled.id,
                receive.op.ticket(),
                receive.op.firstPiece() + of.index(),
                of.offset(),
                of.bytes(),
                pulled.spilled() ? SPILL : ARENA,
                place);
    }

    /** Parts have landed; false if some weren't on their way. */
    boolean onArrived(Link link, List<Long> arrived) {
        if (!wire.pullsEarly()) {
            turns.landed(link, arrived.size());
        }
        boolean known = true;
        for (long id : arrived) {
            Pulled pulled = parts.find(id);
            if (pulled == null || pulled.of.receive().link != link || !pulled.land()) {
                known = false;
            } else {
                landed(pulled);
            }
        }
        return known;
    }

    private void landed(Pulled pulled) {
        Waiting of = pulled.of;
        if (pulled.spilled() && of.receive().failure == null) {
            try {
                long to = of.receive().destination(of.index()).address() + of.offset();
                spill.drain(pulled.slot, to, of.bytes(), pulled.id);
                pulled.claim();
                return;
            } catch (KvConnectorException cause) {
                spill.giveBack(pulled.slot);
                String detail = String.valueOf(cause.getMessage());
                drop(of.receive(), KvError.NATIVE_CALL_FAILED, detail);
            }
        } else if (pulled.spilled()) {
            spill.giveBack(pulled.slot);
        }
        placed(pulled);
    }

    /** Looks what the spill buffer has done, and pulls what there is room for now. */
    int poll() {
        int workCount = spill.poll(this::drained);
        queue.poll();
        return workCount;
    }

    private void drained(long part, @Nullable String failure) {
        Pulled pulled = parts.find(part);
        if (pulled != null && failure != null) {
            drop(pulled.of.receive(), KvError.NATIVE_CALL_FAILED, failure);
        }
        placed(pulled);
    }

    // The part's bytes are where they were to go, and nobody works on it any more.
    private void placed(@Nullable Pulled pulled) {
        if (pulled == null || !parts.remove(pulled)) {
            return;
        }
        PendingReceive receive = pulled.of.receive();
        int index = pulled.of.index();
        if (receive.failure != null) {
            endIfUntouched(receive);
            return;
        }
        receive.missing[index] -= pulled.of.bytes();
        if (receive.missing[index] > 0) {
            return;
        }
        complete(receive, index);
    }

    private void complete(PendingReceive receive, int index) {
        receive.piecesMissing--;
        if (receive.piecesMissing == 0) {
            receives.remove(receive.op.ticket());
        }
        receive.op.listener().onPieceReceived(receive.op, receive.op.firstPiece() + index);
    }

    void cancel(long ticket) {
        PendingReceive receive = receives.get(ticket);
        if (receive != null) {
            drop(receive, KvError.CANCELLED, "ticket=" + ticket);
        }
    }

    // Ends a receive when the sender has said that it writes no more of it.
    @Override
    public void drop(PendingReceive receive, KvError error, String detail) {
        if (receive.failure == null) {
            channel.send(receive.link, new LinkFrame.Drop(receive.op.ticket()));
            fail(receive, error, detail);
        }
    }

    /** The sender will not send the rest of a ticket, and wants to hear that we don't pull it. */
    void onWithdrawn(Link link, long ticket) {
        PendingReceive receive = receives.get(ticket);
        if (receive != null && receive.link == link) {
            if (wire.pullsEarly()) {
                parts.forget(each -> each == receive);
            }
            fail(receive, KvError.CANCELLED, "ticket=" + ticket + " was withdrawn by the sender");
        }
        if (!wire.pullsEarly()) {
            channel.send(link, new LinkFrame.Drop(ticket));
        }
    }

    /** The sender writes no more of a ticket that we dropped. */
    void onNoMore(Link link, long ticket) {
        PendingReceive receive = receives.get(ticket);
        if (receive != null && receive.link == link) {
            parts.forget(each -> each == receive);
            endIfUntouched(receive);
        }
    }

    /** The link will bring nothing more; what it may still write is not known yet. */
    void onGone(Link link, KvError error, String detail) {
        for (PendingReceive receive : List.copyOf(receives.values())) {
            if (receive.link == link) {
                fail(receive, error, detail);
            }
        }
    }

    /** Nobody at the other end of the link, nor the wire here, writes any more. */
    void onWritesEnded(Link link) {
        parts.onWritesEnded(link);
        for (PendingReceive receive : List.copyOf(receives.values())) {
            if (receive.link == link) {
                endIfUntouched(receive);
            }
        }
        turns.forget(link);
        queue.forget(link);
    }

    private void fail(PendingReceive receive, KvError error, String detail) {
        if (receive.failure == null) {
            receive.failure = error;
            receive.detail = detail;
            queue.remove(receive);
        }
        endIfUntouched(receive);
    }

    private void endIfUntouched(PendingReceive receive) {
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
        for (PendingReceive receive : List.copyOf(receives.values())) {
            receive.pulled = 0;
            fail(receive, error, detail);
        }
    }
}
