// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.dataplane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The sending half: brings layers that are to be sent together with parts that are pulled,
 * whichever comes first, and hands both to the wire. Each send ends once. Device thread.
 */
final class PullSender {

    // Of the tickets that ended here a link remembers so many: a pull may still be on its way.
    private static final int MOST_REMEMBERED = 4096;
    private static final int MOST_WAITING_PARTS = 1 << 20;

    /** A layer that is to be sent. */
    static final class Send {
        final SendOp op;
        // Bytes that aren't on the wire yet, and bytes that the receiver has not got.
        long unposted;
        long missing;
        // Moves on the wire.
        int moving;
        // Why it ends when the wire has let go of it; null while it may succeed.
        @Nullable KvError failure;
        String detail = "";

        Send(SendOp op) {
            this.op = op;
            unposted = op.bytes();
            missing = op.bytes();
        }
    }

    /** What is to be sent on one link. */
    private static final class Outgoing {
        // Pulled, but not sent yet; by ticket and in order.
        final Map<Long, List<Part>> waiting = new HashMap<>();
        int waitingParts;
        final List<Move> ready = new ArrayList<>();
        // Moves on the wire, by ticket.
        final Map<Long, Integer> moving = new HashMap<>();
        // Tickets that end here, and the frame that says so once nothing of them is moving.
        final Map<Long, LinkFrame> ending = new LinkedHashMap<>();
        final Set<Long> ended = new LinkedHashSet<>();
    }

    private record Key(String endpoint, long ticket, int layer) {}

    private final SideChannel channel;
    private final Wire wire;
    // Told which link doesn't behave, and why.
    private final BiConsumer<Link, String> breaker;
    private final Map<Key, Send> sends = new LinkedHashMap<>();
    private final Map<Link, Outgoing> links = new LinkedHashMap<>();
    private final Map<String, Link> byEndpoint = new HashMap<>();

    PullSender(SideChannel channel, Wire wire, BiConsumer<Link, String> breaker) {
        this.channel = channel;
        this.wire = wire;
        this.breaker = breaker;
    }

    /** Checks what a caller wants to have sent. */
    static void requireReachable(SendOp op) {
        long bytes = 0;
        for (MemoryRegion region : op.source()) {
            requireReachable(region);
            bytes += region.bytes();
        }
        if (bytes != op.bytes()) {
            throw new IllegalArgumentException("bytes=" + op.bytes() + " in regions=" + bytes);
        }
    }

    static void requireReachable(MemoryRegion region) {
        if (region.kind() != MemoryKind.DEVICE && region.kind() != MemoryKind.PINNED) {
            throw new IllegalArgumentException("no memory that a GPU reaches: " + region);
        }
    }

    /** A receiver has introduced itself; it may have been here before. */
    void onAccepted(Link link) {
        links.put(link, new Outgoing());
        byEndpoint.put(link.endpoint, link);
        for (Send send : sends.values()) {
            if (send.op.endpoint().equals(link.endpoint)) {
                announce(link, send.op);
            }
        }
    }

    private void announce(Link link, SendOp op) {
        channel.send(link, new LinkFrame.Ready(op.ticket(), op.layer()));
    }

    /** The link that a receiver pulls on, if there is one. */
    @Nullable Link linkOf(String endpoint) {
        return byEndpoint.get(endpoint);
    }

    List<Link> links() {
        return List.copyOf(links.keySet());
    }

    void send(SendOp op) {
        Send send = new Send(op);
        if (op.bytes() == 0) {
            op.listener().onSent(op); // Nobody pulls nothing.
            return;
        }
        Key key = key(op);
        if (sends.putIfAbsent(key, send) != null) {
            throw new IllegalArgumentException(key + " is sent twice");
        }
        Link link = byEndpoint.get(op.endpoint());
        Outgoing outgoing = link == null ? null : links.get(link);
        if (link == null || outgoing == null) {
            return;
        }
        List<Part> waiting = outgoing.waiting.getOrDefault(op.ticket(), List.of());
        List<Part> mine = waiting.stream().filter(part -> part.layer() == op.layer()).toList();
        if (mine.isEmpty()) {
            announce(link, op);
            return;
        }
        waiting.removeAll(mine);
        if (waiting.isEmpty()) {
            outgoing.waiting.remove(op.ticket());
        }
        outgoing.waitingParts -= mine.size();
        mine.forEach(part -> match(link, outgoing, part, send));
    }

    void onPull(Link link, List<Part> parts) {
        Outgoing outgoing = links.get(link);
        if (outgoing == null) {
            return;
        }
        for (Part part : parts) {
            Send send = sends.get(new Key(link.endpoint, part.ticket(), part.layer()));
            if (outgoing.ended.contains(part.ticket())) {
                outgoing.ending.putIfAbsent(part.ticket(), new LinkFrame.Failed(part.ticket()));
            } else if (send != null) {
                match(link, outgoing, part, send);
            } else if (++outgoing.waitingParts > MOST_WAITING_PARTS) {
                breaker.accept(link, "the peer pulls too much");
                return;
            } else {
                outgoing.waiting.computeIfAbsent(part.ticket(), key -> new ArrayList<>()).add(part);
            }
        }
        sayEnded(link, outgoing);
    }

    private void match(Link link, Outgoing outgoing, Part part, Send send) {
        if (send.failure != null) {
            return; // Its ticket is ending; the receiver will hear.
        }
        if (part.offset() + part.bytes() > send.op.bytes() || part.bytes() > send.unposted) {
            breaker.accept(link, part + " is not a part of bytes=" + send.op.bytes());
            return;
        }
        send.unposted -= part.bytes();
        outgoing.ready.add(new Move(part, send));
    }

    /** Hands the wire what is ready. */
    int push() {
        int workCount = 0;
        for (Map.Entry<Link, Outgoing> each : List.copyOf(links.entrySet())) {
            Link link = each.getKey();
            Outgoing outgoing = each.getValue();
            if (outgoing.ready.isEmpty() || !link.open() || !wire.ready(link)) {
                continue;
            }
            List<Move> moves = List.copyOf(outgoing.ready);
            outgoing.ready.clear();
            for (Move move : moves) {
                move.send().moving++;
                outgoing.moving.merge(move.part().ticket(), 1, Integer::sum);
            }
            wire.push(link, moves);
            workCount += moves.size();
        }
        return workCount;
    }

    /** The wire has let go of these. */
    void onSent(Link link, List<Move> moves) {
        Outgoing outgoing = links.get(link);
        for (Move move : moves) {
            Send send = move.send();
            send.moving--;
            send.missing -= move.part().bytes();
            if (outgoing != null) {
                outgoing.moving.computeIfPresent(
                        move.part().ticket(), (key, count) -> count == 1 ? null : count - 1);
            }
            settle(send);
        }
        if (outgoing != null) {
            sayEnded(link, outgoing);
        }
    }

    // Ends a send that nothing moves any more and nothing is missing of, or that has failed.
    private void settle(Send send) {
        if (send.moving > 0 || (send.missing > 0 && send.failure == null)) {
            return;
        }
        if (!sends.remove(key(send.op), send)) {
            return;
        }
        if (send.failure == null) {
            send.op.listener().onSent(send.op);
        } else {
            send.op.listener().onSendFailed(send.op, send.failure, send.detail);
        }
    }

    void cancel(String endpoint, long ticket) {
        Link link = byEndpoint.get(endpoint);
        Outgoing outgoing = link == null ? null : links.get(link);
        if (link != null && outgoing != null) {
            drop(outgoing, ticket);
            outgoing.ending.putIfAbsent(ticket, new LinkFrame.Failed(ticket));
        }
        fail(
                send -> send.op.endpoint().equals(endpoint) && send.op.ticket() == ticket,
                KvError.CANCELLED,
                "ticket=" + ticket);
        if (link != null && outgoing != null) {
            sayEnded(link, outgoing);
        }
    }

    /** The receiver wants no more of a ticket. */
    void onDrop(Link link, long ticket) {
        Outgoing outgoing = links.get(link);
        if (outgoing != null) {
            drop(outgoing, ticket);
            outgoing.ending.put(ticket, new LinkFrame.Dropped(ticket));
            sayEnded(link, outgoing);
        }
    }

    private static void drop(Outgoing outgoing, long ticket) {
        List<Part> waiting = outgoing.waiting.remove(ticket);
        outgoing.waitingParts -= waiting == null ? 0 : waiting.size();
        outgoing.ready.removeIf(move -> move.part().ticket() == ticket);
    }

    private void sayEnded(Link link, Outgoing outgoing) {
        if (outgoing.ending.isEmpty()) {
            return;
        }
        for (Map.Entry<Long, LinkFrame> each : List.copyOf(outgoing.ending.entrySet())) {
            long ticket = each.getKey();
            if (!outgoing.moving.containsKey(ticket)) {
                outgoing.ending.remove(ticket);
                outgoing.ended.add(ticket);
                if (outgoing.ended.size() > MOST_REMEMBERED) {
                    outgoing.ended.remove(outgoing.ended.iterator().next());
                }
                channel.send(link, each.getValue());
            }
        }
    }

    /** The link carries nothing any more: what was to go to that receiver has failed. */
    void onGone(Link link, KvError error, String detail) {
        Outgoing outgoing = links.get(link);
        if (outgoing == null) {
            return;
        }
        outgoing.ready.clear();
        outgoing.waiting.clear();
        if (byEndpoint.remove(link.endpoint, link)) {
            failAll(link.endpoint, error, detail);
        }
    }

    /** The wire is idle for the link, which may be forgotten. */
    void forget(Link link) {
        links.remove(link);
    }

    void failAll(String endpoint, KvError error, String detail) {
        fail(send -> send.op.endpoint().equals(endpoint), error, detail);
    }

    void failAll(KvError error, String detail) {
        fail(send -> true, error, detail);
    }

    /** Ends what the wire will never report: it is closed. */
    void abandonAll(KvError error, String detail) {
        failAll(error, detail);
        for (Send send : List.copyOf(sends.values())) {
            send.moving = 0;
            settle(send);
        }
    }

    private void fail(Predicate<Send> which, KvError error, String detail) {
        for (Send send : sends.values().stream().filter(which).toList()) {
            if (send.failure == null) {
                send.failure = error;
                send.detail = detail;
            }
            settle(send);
        }
    }

    private static Key key(SendOp op) {
        return new Key(op.endpoint(), op.ticket(), op.layer());
    }
}
