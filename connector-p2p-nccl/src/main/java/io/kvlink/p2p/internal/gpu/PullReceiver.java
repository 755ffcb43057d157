// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.dataplane.DataPlane.ReceiveOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayDeque;
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
final class PullReceiver {

    /** The receiver's arena, and its spill buffer, as exported regions. */
    static final int ARENA = 0;

    static final int SPILL = 1;

    private static final long MOST_PART_BYTES = 64L << 20;

    /** A receive that hasn't ended. */
    private static final class Receive {
        final ReceiveOp op;
        final Link link;
        // Bytes that aren't in their place, by layer.
        final long[] missing;
        int layersMissing;
        // Parts for the spill buffer of layers that the sender hasn't got yet: a slot must not
        // wait for somebody's compute.
        final Map<Integer, List<Spilled>> notReady = new HashMap<>();
        // Parts that are pulled and not here.
        int pulled;
        @Nullable KvError failure;
        String detail = "";

        Receive(ReceiveOp op, Link link) {
            this.op = op;
            this.link = link;
            missing = new long[op.destinations().size()];
            layersMissing = missing.length;
        }
    }

    /** A part that is pulled and not here. */
    private static final class Pulled {
        final Receive receive;
        final int index;
        final long destination;
        final long bytes;
        // The slot of the spill buffer that it goes through, or -1.
        final int slot;
        // Where the wire puts it.
        final long landing;
        // True while our own GPU works on it: the peer has no say any more.
        boolean ours;

        Pulled(Receive receive, int index, long destination, long bytes, int slot, long landing) {
            this.receive = receive;
            this.index = index;
            this.destination = destination;
            this.bytes = bytes;
            this.slot = slot;
            this.landing = landing;
        }
    }

    /** Bytes that wait for a slot of the spill buffer. */
    private record Spilled(Receive receive, int index, long offset, long bytes) {}

    private final SideChannel channel;
    private final SpillBuffer spill;
    private final @Nullable MemoryRegion arena;
    private final Map<Long, Receive> receives = new LinkedHashMap<>();
    private final Map<Long, Pulled> parts = new HashMap<>();
    private final ArrayDeque<Spilled> spilled = new ArrayDeque<>();
    private final Map<Link, Boolean> spillKnown = new HashMap<>();
    // How the spill buffer is exported; empty where addresses mean nothing to the peer.
    private final SpillExport spillExport;
    private long lastPart;

    /** Describes the spill buffer to peers. */
    interface SpillExport {
        /** The frame that a peer needs before it can write there; {@code null} if none. */
        @Nullable LinkFrame describe(SpillBuffer spill);
    }

    PullReceiver(
            SideChannel channel,
            SpillBuffer spill,
            @Nullable MemoryRegion arena,
            SpillExport spillExport) {
        this.channel = channel;
        this.spill = spill;
        this.arena = arena;
        this.spillExport = spillExport;
    }

    /** Whether something is pulled, so that the peer's answer may come at any moment. */
    boolean waiting() {
        return !parts.isEmpty();
    }

    boolean uses(Link link) {
        return receives.values().stream().anyMatch(each -> each.link == link);
    }

    void receive(ReceiveOp op, Link link) {
        op.destinations().forEach(PullSender::requireReachable);
        if (op.destinations().isEmpty()) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " has no destination");
        }
        Receive receive = new Receive(op, link);
        if (receives.putIfAbsent(op.ticket(), receive) != null) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " was posted twice");
        }
        List<Part> pull = new ArrayList<>();
        for (int index = 0; index < receive.missing.length; index++) {
            MemoryRegion destination = op.destinations().get(index);
            receive.missing[index] = destination.bytes();
            boolean direct = destination.kind() == MemoryKind.DEVICE;
            long most = direct ? MOST_PART_BYTES : SpillBuffer.SLOT_BYTES;
            for (long offset = 0; offset < destination.bytes(); offset += most) {
                long bytes = Math.min(most, destination.bytes() - offset);
                if (direct) {
                    pull.add(pullDirect(receive, index, offset, bytes));
                } else {
                    receive.notReady
                            .computeIfAbsent(index, key -> new ArrayList<>())
                            .add(new Spilled(receive, index, offset, bytes));
                }
            }
        }
        send(link, pull);
    }

    /** The sender has a layer that wasn't pulled. */
    void onReady(Link link, long ticket, int layer) {
        Receive receive = receives.get(ticket);
        if (receive != null && receive.link == link && receive.failure == null) {
            List<Spilled> ready = receive.notReady.remove(layer - receive.op.firstLayer());
            if (ready != null) {
                spilled.addAll(ready);
                pullSpilled();
            }
        }
    }

    private Part pullDirect(Receive receive, int index, long offset, long bytes) {
        MemoryRegion destination = receive.op.destinations().get(index);
        long to = destination.address() + offset;
        if (arena == null || to < arena.address() || to + bytes > arena.address() + arena.bytes()) {
            throw new IllegalArgumentException("not in the arena: " + destination);
        }
        return pulled(receive, index, offset, bytes, -1, to, ARENA, to - arena.address());
    }

    private Part pulled(
            Receive receive,
            int index,
            long offset,
            long bytes,
            int slot,
            long landing,
            int region,
            long at) {
        long destination = receive.op.destinations().get(index).address() + offset;
        parts.put(++lastPart, new Pulled(receive, index, destination, bytes, slot, landing));
        receive.pulled++;
        return new Part(
                lastPart,
                receive.op.ticket(),
                receive.op.firstLayer() + index,
                offset,
                bytes,
                region,
                at);
    }

    /** Pulls what waits for room in the spill buffer, as far as there is some. */
    private void pullSpilled() {
        Map<Link, List<Part>> pull = new LinkedHashMap<>();
        Spilled next;
        while ((next = spilled.peek()) != null) {
            int slot = spill.take();
            if (slot < 0) {
                break;
            }
            spilled.remove();
            Receive receive = next.receive;
            if (spillKnown.putIfAbsent(receive.link, true) == null) {
                LinkFrame description = spillExport.describe(spill);
                if (description != null) {
                    channel.send(receive.link, description);
                }
            }
            long at = spill.offset(slot);
            long landing = spill.address() + at;
            Part part =
                    pulled(receive, next.index, next.offset, next.bytes, slot, landing, SPILL, at);
            pull.computeIfAbsent(receive.link, key -> new ArrayList<>()).add(part);
        }
        pull.forEach(this::send);
    }

    private void send(Link link, List<Part> pull) {
        for (int from = 0; from < pull.size(); from += LinkCodec.MAX_PARTS) {
            int to = Math.min(pull.size(), from + LinkCodec.MAX_PARTS);
            channel.send(link, new LinkFrame.Pull(pull.subList(from, to)));
        }
    }

    /** Where the wire is to put a part that its sender has begun; -1 if there is no such part. */
    long begin(Link link, long part) {
        Pulled pulled = parts.get(part);
        if (pulled == null || pulled.receive.link != link) {
            return -1;
        }
        pulled.ours = true;
        return pulled.landing;
    }

    /** Parts have landed. */
    void onArrived(Link link, List<Long> arrived) {
        for (long id : arrived) {
            Pulled pulled = parts.get(id);
            if (pulled == null || pulled.receive.link != link) {
                continue; // It was dropped meanwhile, and ended.
            }
            if (pulled.slot >= 0 && pulled.receive.failure == null) {
                pulled.ours = true;
                spill.drain(pulled.slot, pulled.destination, pulled.bytes, id);
            } else {
                if (pulled.slot >= 0) {
                    spill.giveBack(pulled.slot);
                }
                placed(id, pulled);
            }
        }
        pullSpilled();
    }

    /** Looks what the spill buffer has done. */
    int poll() {
        int workCount = spill.poll(part -> placed(part, parts.get(part)));
        if (workCount > 0) {
            pullSpilled();
        }
        return workCount;
    }

    // The part's bytes are where they were to go, and nobody works on it any more.
    private void placed(long id, @Nullable Pulled pulled) {
        if (pulled == null || parts.remove(id) == null) {
            return;
        }
        Receive receive = pulled.receive;
        receive.pulled--;
        if (receive.failure != null) {
            endIfQuiet(receive);
            return;
        }
        receive.missing[pulled.index] -= pulled.bytes;
        if (receive.missing[pulled.index] > 0) {
            return;
        }
        receive.layersMissing--;
        if (receive.layersMissing == 0) {
            receives.remove(receive.op.ticket());
        }
        receive.op.listener().onLayerReceived(receive.op, receive.op.firstLayer() + pulled.index);
    }

    void cancel(long ticket) {
        Receive receive = receives.get(ticket);
        if (receive != null && receive.failure == null) {
            if (receive.pulled > 0) {
                channel.send(receive.link, new LinkFrame.Drop(ticket));
            }
            fail(receive, KvError.CANCELLED, "ticket=" + ticket);
        }
    }

    /** The sender writes no more of a ticket, by its own will or ours. */
    void onNoMore(Link link, long ticket) {
        Receive receive = receives.get(ticket);
        if (receive != null && receive.link == link) {
            voidParts(each -> each == receive);
            fail(receive, KvError.CANCELLED, "ticket=" + ticket + " was withdrawn by the sender");
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

    /** Nobody at the other end of the link writes any more. */
    void onQuiet(Link link) {
        voidParts(each -> each.link == link);
        for (Receive receive : List.copyOf(receives.values())) {
            if (receive.link == link) {
                endIfQuiet(receive);
            }
        }
        spillKnown.remove(link);
        pullSpilled();
    }

    // Forgets parts that only the peer could have written.
    private void voidParts(Predicate<Receive> which) {
        parts.values()
                .removeIf(
                        pulled -> {
                            boolean over = which.test(pulled.receive) && !pulled.ours;
                            if (over) {
                                pulled.receive.pulled--;
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
            spilled.removeIf(each -> each.receive == receive);
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
        spilled.clear();
        for (Receive receive : List.copyOf(receives.values())) {
            receive.pulled = 0;
            fail(receive, error, detail);
        }
    }
}
