// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Arrival;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.TestSessions;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One transfer in each state, everything that may happen to it, and names for all of that. */
final class ReceiveFixtures {

    static final TransferId ID = new TransferId(1, 2, 0);
    static final HostPort PREFILL = new HostPort("p", 1);
    static final long DIGEST = 7;
    static final int TOKENS = 4;
    static final long KEPT_UNTIL_NS = 100;
    static final ByteBuffer CONTENT = ByteBuffer.wrap(new byte[] {1});

    private static final Part ALL =
            Part.all(0, KvLayerGroup.all(KvLayout.single("m", 4, 1, 2, DType.I8, 4)));
    private static final ReceiveEvent.Moment AT = new ReceiveEvent.Moment(50, 200, 300);

    // The one that was dialled, or that the offer came through.
    final Session own = TestSessions.open(PREFILL, 9, true);
    // Dialled by the same start of the same peer.
    final Session twin = TestSessions.open(PREFILL, 9, false);
    // An earlier start of that peer, which names the same address.
    final Session older = TestSessions.open(PREFILL, 8, false);
    // Dialled at time 0.
    private final Session silent = TestSessions.unanswered(PREFILL);
    final Expectation first = request("first", DIGEST);
    final Expectation second = request("second", DIGEST);
    final Expectation other = request("other", DIGEST + 1);
    final Subject subject = new Subject(ID, TOKENS, DIGEST, ALL, new Arrival(4, () -> 0));
    final Ticket ticket = ticket(77, false);
    final Ticket tailed = ticket(78, true);
    final Ticket next = ticket(79, false);
    private final Expectation.Failed why = new Expectation.Failed(KvError.PEER_LOST, "why");

    /** Each state, with each kind of request that it may have, by its name. */
    Map<String, Receipt> states() {
        Claim nobody = new Claim.Nobody();
        Claim claimed = new Claim.Claimed(first);
        Claim reading = new Claim.Reading(first);
        Optional<Session> none = Optional.empty();
        Map<String, Receipt> states = new LinkedHashMap<>();
        states.put("Unheard", new Unheard(subject));
        states.put("Calling", new Calling(subject, first, PREFILL, 0, KEPT_UNTIL_NS));
        states.put("Calling, late", new Calling(subject, first, PREFILL, 1, KEPT_UNTIL_NS));
        states.put("Called", new Called(subject, first, own, 0, KEPT_UNTIL_NS));
        states.put("Deferred, nobody", new Deferred(subject, nobody, own, 0, KEPT_UNTIL_NS));
        states.put("Deferred, claimed", new Deferred(subject, claimed, own, 0, KEPT_UNTIL_NS));
        states.put("Standing, claimed", new Standing(delivery(ticket, claimed), none));
        states.put(
                "Standing, claimed, crossing",
                new Standing(delivery(tailed, claimed), Optional.of(twin)));
        states.put("Standing, reading", new Standing(computed(ticket, reading), none));
        states.put("Recalled", new Recalled(delivery(ticket, claimed), first, none));
        states.put(
                "Recalled, crossing",
                new Recalled(delivery(tailed, claimed), first, Optional.of(twin)));
        states.put("Granted, nobody", new Granted(delivery(ticket, nobody)));
        states.put("Granted, nobody, computed", new Granted(computed(tailed, nobody)));
        states.put("Granted, claimed", new Granted(delivery(ticket, claimed)));
        states.put("Granted, claimed, tail", new Granted(delivery(tailed, claimed)));
        states.put("Granted, reading", new Granted(computed(tailed, reading)));
        states.put("Unattached, nobody", new Unattached(subject, tailed, nobody, KEPT_UNTIL_NS));
        states.put("Unattached, claimed", new Unattached(subject, tailed, claimed, KEPT_UNTIL_NS));
        states.put(
                "Unclaimed", new Unclaimed(subject, tailed, Optional.of(CONTENT), KEPT_UNTIL_NS));
        states.put("Loaded", new Loaded(subject, ticket, first));
        states.put("Draining, nobody", new Draining(subject, ticket, nobody, why));
        states.put("Draining, claimed", new Draining(subject, ticket, claimed, why));
        states.put("Draining, reading", new Draining(subject, ticket, reading, why));
        states.put("Failed", new Failed(subject, first));
        states.put("Spoiled", new Spoiled(subject, ticket, first));
        states.put("Over", new Over(ID, KvError.DEADLINE));
        return states;
    }

    /** Everything that may happen, by its name. */
    Map<String, ReceiveEvent> events() {
        Map<String, ReceiveEvent> events = new LinkedHashMap<>();
        events.put("Asked", new ReceiveEvent.Asked(AT, second));
        events.put("Asked for another prompt", new ReceiveEvent.Asked(AT, other));
        events.put("Released", new ReceiveEvent.Released(AT, first));
        events.put("Released by another", new ReceiveEvent.Released(AT, second));
        events.put("Closed", new ReceiveEvent.Closed(AT));
        events.put("DeadlinePassed", new ReceiveEvent.DeadlinePassed(AT));
        events.put("Offered", offered(own, DIGEST, true));
        events.put("Offered on a second session", offered(twin, DIGEST, true));
        events.put("Offered by an older start", offered(older, DIGEST, true));
        events.put("Offered in part", offered(own, DIGEST, false));
        events.put("Offered another prompt", offered(own, DIGEST + 1, true));
        events.put("Offered another prompt on a second session", offered(twin, DIGEST + 1, true));
        events.put("Saved", new ReceiveEvent.Saved(AT, own));
        events.put("Saved by an older start", new ReceiveEvent.Saved(AT, older));
        events.put("Attached", attached(own, 78));
        events.put("Attached to an old ticket", attached(own, 70));
        events.put("Attached by an older start", attached(older, 78));
        events.put("CallOpened", new ReceiveEvent.CallOpened(AT, own));
        events.put("CallOpened by another", new ReceiveEvent.CallOpened(AT, twin));
        events.put("Cancelled", new ReceiveEvent.Cancelled(AT, own, why));
        events.put("Cancelled by an older start", new ReceiveEvent.Cancelled(AT, older, why));
        events.put("SessionEnded", new ReceiveEvent.SessionEnded(AT, own, why));
        events.put("SessionEnded, another", new ReceiveEvent.SessionEnded(AT, twin, why));
        events.put("SessionEnded, nobody answered", new ReceiveEvent.SessionEnded(AT, silent, why));
        events.put("GrantLost", new ReceiveEvent.GrantLost(AT, why));
        events.put("Reserved", new ReceiveEvent.Reserved(AT, next));
        events.put("NoRoom", new ReceiveEvent.NoRoom(AT));
        events.put("TooLarge", new ReceiveEvent.TooLarge(AT, "too large"));
        events.put("ChunkReceived", new ReceiveEvent.ChunkReceived(AT));
        events.put("Received", new ReceiveEvent.Received(AT));
        events.put("ReceiveFailed, nothing came", new ReceiveEvent.ReceiveFailed(AT, 0, why));
        events.put("ReceiveFailed, some came", new ReceiveEvent.ReceiveFailed(AT, 8, why));
        return events;
    }

    /** A deadline, by the rule that set it. */
    static String deadline(long deadlineNs) {
        if (deadlineNs == KEPT_UNTIL_NS) {
            return "as before";
        }
        return deadlineNs == AT.requestUntilNs()
                ? "for a request"
                : deadlineNs == AT.unclaimedUntilNs() ? "unclaimed" : "at " + deadlineNs;
    }

    /** A session, by its name. */
    String name(Session session) {
        return session.equals(own) ? "own" : session.equals(twin) ? "second" : "older";
    }

    private ReceiveEvent.Offered offered(Session by, long digest, boolean whole) {
        return new ReceiveEvent.Offered(AT, by, TOKENS, digest, whole, true);
    }

    private static ReceiveEvent.Attached attached(Session by, long number) {
        return new ReceiveEvent.Attached(AT, by, number, Optional.of(CONTENT));
    }

    private Delivery delivery(Ticket of, Claim claim) {
        return new Delivery(subject, of, claim, Optional.empty(), KEPT_UNTIL_NS);
    }

    private Delivery computed(Ticket of, Claim claim) {
        Optional<ByteBuffer> attachment = of.tail() ? Optional.of(CONTENT) : Optional.empty();
        Optional<Delivery.Computed> word = Optional.of(new Delivery.Computed(attachment));
        return new Delivery(subject, of, claim, word, KEPT_UNTIL_NS);
    }

    private Ticket ticket(long number, boolean tail) {
        Chunks chunks = Chunks.of(TOKENS, 0, tail);
        return new Ticket(number, own, new NoLeases(number), chunks, 64, true, 0);
    }

    private static Expectation request(String name, long digest) {
        TransferRoute route = new TransferRoute(PREFILL, new HostPort("d", 2), ID);
        int[] prompt = new int[TOKENS + 1];
        return new Expectation(
                KvRequest.builder(name, prompt).route(route).attachment(true).build(),
                digest,
                ID,
                PREFILL,
                ALL);
    }

    private record NoLeases(long number) implements LayerLeases {
        @Override
        public List<MemoryRegion> regions() {
            return List.of();
        }

        @Override
        public void close() {
            throw new IllegalStateException("the machine only says that it is to be closed");
        }
    }
}
