// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The sending half: brings pieces that are to be sent together with parts that are pulled,
 * whichever comes first, and hands both to the wire. Each send ends once. Device thread.
 */
final class PullSender {

    private record Key(String endpoint, long ticket, int piece) {}

    private final SideChannel channel;
    private final Wire wire;
    // Told which link doesn't behave, and why.
    private final BiConsumer<Link, String> breaker;
    private final CudaDevice device;
    // Sent, but perhaps not computed yet, in the order of the engine's stream.
    private final ArrayDeque<PendingSend> incomplete = new ArrayDeque<>();
    private final Map<Key, PendingSend> sends = new LinkedHashMap<>();
    private final Map<Link, SendQueue> links = new LinkedHashMap<>();
    private final Map<String, Link> byEndpoint = new HashMap<>();

    PullSender(
            CudaDevice device, SideChannel channel, Wire wire, BiConsumer<Link, String> breaker) {
        this.device = device;
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
        links.put(link, new SendQueue(frame -> channel.send(link, frame)));
        byEndpoint.put(link.endpoint, link);
        for (PendingSend send : sends.values()) {
            if (send.op.endpoint().equals(link.endpoint)) {
                announce(link, send);
            }
        }
    }

    private void announce(Link link, PendingSend send) {
        if (!send.complete || (wire.pullsEarly() && send.pulled())) {
            return; // announceComplete() does, or there is no need.
        }
        SendOp op = send.op;
        channel.send(
                link, new LinkFrame.Ready(op.ticket(), op.piece(), wire.messages(op.source())));
        send.promised = !wire.pullsEarly();
    }

    /**
     * Announces what the engine's GPU has completed: neither a lane nor a slot of the receiver's
     * waits for an engine.
     */
    int announceComplete() {
        int workCount = 0;
        for (PendingSend head; (head = incomplete.peek()) != null; workCount++) {
            boolean current = sends.get(key(head.op)) == head;
            try {
                // An event is its engine's again when the send has ended.
                if (current && !complete(head)) {
                    break; // Those behind it come later on the engine's stream.
                }
            } catch (KvConnectorException cause) {
                incomplete.remove();
                failSend(head, KvError.NATIVE_CALL_FAILED, String.valueOf(cause.getMessage()));
                cancel(head.op.endpoint(), head.op.ticket()); // The receiver must hear, too.
                continue;
            }
            incomplete.remove();
            head.complete = true;
            Link link = byEndpoint.get(head.op.endpoint());
            if (link != null && current && head.failure == null) {
                announce(link, head);
            }
        }
        return workCount;
    }

    private boolean complete(PendingSend send) {
        CudaEvent after = send.op.after();
        return after == null || (wire.pullsEarly() && send.pulled()) || device.complete(after);
    }

    /** True if the engine's GPU is being watched. */
    boolean watching() {
        return !incomplete.isEmpty();
    }

    /** The link that a receiver pulls on, if there is one. */
    @Nullable Link linkOf(String endpoint) {
        return byEndpoint.get(endpoint);
    }

    List<Link> links() {
        return List.copyOf(links.keySet());
    }

    void send(SendOp op) {
        PendingSend send = new PendingSend(op);
        if (op.bytes() == 0) {
            op.listener().onSent(op); // Nobody pulls nothing.
            return;
        }
        Key key = key(op);
        if (sends.putIfAbsent(key, send) != null) {
            throw new IllegalArgumentException(key + " is sent twice");
        }
        Link link = byEndpoint.get(op.endpoint());
        SendQueue outgoing = link == null ? null : links.get(link);
        if (outgoing != null && outgoing.hasEnded(op.ticket())) {
            failSend(send, KvError.CANCELLED, "ticket=" + op.ticket() + " has ended");
            return;
        }
        incomplete.add(send);
        if (link == null || outgoing == null) {
            return;
        }
        List<PullPart> mine = outgoing.takeWaiting(op.ticket(), op.piece());
        if (mine.isEmpty()) {
            return;
        }
        List<Move> moves = new ArrayList<>();
        mine.forEach(part -> match(link, part, send, moves));
        ready(link, outgoing, moves);
    }

    private void ready(Link link, SendQueue outgoing, List<Move> moves) {
        // Whoever breaks the link meanwhile has ended what is to go there.
        if (!moves.isEmpty() && byEndpoint.get(link.endpoint) == link) {
            outgoing.ready(moves);
        }
    }

    void onPull(Link link, List<PullPart> parts) {
        SendQueue outgoing = links.get(link);
        if (outgoing == null) {
            return;
        }
        List<Move> moves = new ArrayList<>();
        for (PullPart part : parts) {
            PendingSend send = sends.get(new Key(link.endpoint, part.ticket(), part.piece()));
            if (send != null) {
                match(link, part, send, moves);
            } else if (!wire.pullsEarly()) {
                breaker.accept(link, "never announced: " + part);
                return;
            } else if (outgoing.hasEnded(part.ticket())) {
                outgoing.endOnce(part.ticket(), new LinkFrame.Failed(part.ticket()));
            } else if (!outgoing.await(part)) {
                breaker.accept(link, "the peer pulls too much");
                return;
            }
        }
        ready(link, outgoing, moves);
        outgoing.sayEnded();
    }

    private void match(Link link, PullPart part, PendingSend send, List<Move> moves) {
        if (send.failure != null && !send.promised) {
            return; // Its ticket is ending; the receiver will hear.
        }
        if (part.offset() > send.op.bytes() - part.bytes() || part.bytes() > send.unposted) {
            breaker.accept(link, part + " is not a part of bytes=" + send.op.bytes());
            return;
        }
        send.unposted -= part.bytes();
        moves.add(new Move(part, send));
    }

    /** Hands the wire what is ready. */
    int push() {
        int workCount = 0;
        for (Map.Entry<Link, SendQueue> each : List.copyOf(links.entrySet())) {
            Link link = each.getKey();
            SendQueue outgoing = each.getValue();
            if (!outgoing.hasReady() || !link.open() || !wire.ready(link)) {
                continue;
            }
            List<List<Move>> pushes = outgoing.takeReady();
            if (wire.pullsEarly()) {
                pushes = List.of(pushes.stream().flatMap(List::stream).toList());
            }
            for (List<Move> moves : pushes) {
                workCount += moves.size();
                wire.push(link, moves);
            }
        }
        return workCount;
    }

    /** The wire has let go of these. */
    void onSent(Link link, List<Move> moves) {
        SendQueue outgoing = links.get(link);
        for (Move move : moves) {
            if (outgoing == null) {
                move.send().moving--;
            } else {
                outgoing.stopped(move);
            }
            move.send().missing -= move.part().bytes();
            settle(move.send());
        }
        if (outgoing != null) {
            outgoing.sayEnded();
        }
    }

    // Ends a send that nothing moves any more and nothing is missing of, or that has failed.
    private void settle(PendingSend send) {
        boolean over = send.missing == 0 || (send.failure != null && !send.promised);
        if (send.moving > 0 || !over) {
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
        SendQueue outgoing = link == null ? null : links.get(link);
        if (link != null && outgoing != null) {
            drop(outgoing, ticket);
            outgoing.endOnce(ticket, new LinkFrame.Failed(ticket));
        }
        fail(
                send -> send.op.endpoint().equals(endpoint) && send.op.ticket() == ticket,
                KvError.CANCELLED,
                "ticket=" + ticket);
        if (link != null && outgoing != null) {
            outgoing.sayEnded();
        }
    }

    /** The receiver wants no more of a ticket. */
    void onDrop(Link link, long ticket) {
        SendQueue outgoing = links.get(link);
        if (outgoing == null) {
            return;
        }
        drop(outgoing, ticket);
        // What it has pulled of a lane goes on; the rest, and what is still to be sent, ends.
        outgoing.end(ticket, new LinkFrame.Dropped(ticket));
        Predicate<PendingSend> dropped =
                send -> send.op.endpoint().equals(link.endpoint) && send.op.ticket() == ticket;
        keepNoPromise(dropped);
        fail(dropped, KvError.CANCELLED, "ticket=" + ticket + " was dropped by the receiver");
        outgoing.sayEnded();
    }

    private void keepNoPromise(Predicate<PendingSend> which) {
        for (PendingSend send : sends.values().stream().filter(which).toList()) {
            send.promised = false;
            settle(send);
        }
    }

    private void drop(SendQueue outgoing, long ticket) {
        outgoing.dropWaiting(ticket);
        if (wire.pullsEarly()) {
            outgoing.unready(move -> move.part().ticket() == ticket);
        }
    }

    /**
     * The link carries nothing any more: what was to go to that receiver has failed.
     *
     * @param returning whether the receiver may pull on another link: then what it hasn't pulled on
     *     this one waits for that
     */
    void onGone(Link link, KvError error, String detail, boolean returning) {
        SendQueue outgoing = links.get(link);
        if (outgoing == null) {
            return;
        }
        outgoing.unready(move -> true);
        outgoing.dropAllWaiting();
        if (byEndpoint.remove(link.endpoint, link)) {
            keepNoPromise(send -> send.op.endpoint().equals(link.endpoint));
            fail(
                    send ->
                            send.op.endpoint().equals(link.endpoint)
                                    && (!returning || send.pulled()),
                    error,
                    detail);
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
        incomplete.clear();
        keepNoPromise(send -> true);
        for (PendingSend send : List.copyOf(sends.values())) {
            send.moving = 0;
            settle(send);
        }
    }

    private void fail(Predicate<PendingSend> which, KvError error, String detail) {
        for (PendingSend send : sends.values().stream().filter(which).toList()) {
            failSend(send, error, detail);
        }
    }

    private void failSend(PendingSend send, KvError error, String detail) {
        if (send.failure == null) {
            send.failure = error;
            send.detail = detail;
        }
        settle(send);
    }

    private static Key key(SendOp op) {
        return new Key(op.endpoint(), op.ticket(), op.piece());
    }
}
