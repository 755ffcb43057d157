// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.send.SendState.Ticket;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * States, events and machines to combine in a table. The transfer has two layers, two chunks and a
 * tail: four pieces of the body, six in all.
 */
final class SendSamples {

    static final TransferId ID = new TransferId(1, 2, 0);
    private static final HostPort DECODE = new HostPort("d", 2);
    static final TransferRoute ROUTE = new TransferRoute(new HostPort("p", 1), DECODE, ID);
    private static final Chunks CHUNKS = new Chunks(4, 2, true, 0);
    private static final long DIGEST = 7;

    static final KvLayout LAYOUT = KvLayout.single("m", 2, 1, 4, DType.F32, 4);
    static final List<KvLayerGroup> GROUPS = List.of(KvLayerGroup.all(LAYOUT));
    static final SendMachine PUSHED =
            new SendMachine(ROUTE.id(), ROUTE.decode(), 0, 2, CHUNKS, DIGEST, false);
    static final SendMachine HELD =
            new SendMachine(ROUTE.id(), ROUTE.decode(), 0, 2, CHUNKS, DIGEST, true);

    static final TransferLimits LIMITS = new TransferLimits(10, 1, 1, 20, 1);

    static final Session MINE = session("mine");
    static final Session OTHER = session("other");

    static final Ticket TICKET = new Ticket(77, false, false, "sim", true);
    static final Ticket STANDING = new Ticket(78, false, true, "sim", true);
    static final Ticket WITH_TAIL = new Ticket(79, true, false, "sim", true);
    private static final Ticket SLOW = new Ticket(80, false, false, "sim", false);

    private static final Count HALF = new Count(2, 2);
    private static final Count BODY = new Count(4, 4);
    private static final Count ALL = new Count(6, 4);

    private SendSamples() {}

    private static Session session(String host) {
        return sessions().dial(new HostPort(host, 1));
    }

    /** Sessions whose peers never answer. */
    static Sessions sessions() {
        HostPort address = new HostPort("p", 1);
        Sessions.Listener nobody =
                new Sessions.Listener() {
                    @Override
                    public void onOpen(Session session) {}

                    @Override
                    public void onEnded(Session session, KvError error, String detail) {}

                    @Override
                    public void onTransferFrame(Session session, Frame frame) {}
                };
        return new Sessions(
                new SimNetwork().join(address),
                new Frame.Identity(
                        "e", 1, address, List.of(KvLayerGroup.all(LAYOUT)), 0, List.of()),
                Map.of(),
                LIMITS,
                new TransferStats(),
                nobody,
                () -> 0);
    }

    static Map<String, SendState> states() {
        Map<String, SendState> states = new LinkedHashMap<>();
        states.put("created", new SendState.Created());
        states.put("unclaimed", new SendState.Unclaimed());
        states.put("unoffered", new SendState.Unoffered(MINE, 1));
        states.put("busy", new SendState.ToldBusy(MINE, 2, 100));
        states.put("offered", new SendState.Offered(MINE, 1));
        states.put("granted", new SendState.Sending(MINE, TICKET, Count.NONE, false, false));
        states.put("slow", new SendState.Sending(MINE, SLOW, HALF, true, false));
        states.put("standing", new SendState.Sending(MINE, STANDING, HALF, true, false));
        states.put("posted", new SendState.Sending(MINE, TICKET, BODY, true, true));
        states.put("sent", new SendState.Sending(MINE, TICKET, BODY, false, true));
        states.put("owing", new SendState.Sending(MINE, WITH_TAIL, BODY, false, false));
        states.put("tailed", new SendState.Sending(MINE, WITH_TAIL, ALL, true, false));
        states.put("finishing", new SendState.Finishing(MINE, STANDING));
        Failure failure = new Failure(KvError.CANCELLED, "");
        states.put("draining", new SendState.Draining(MINE, TICKET, failure));
        states.put("drainingStanding", new SendState.Draining(MINE, STANDING, failure));
        states.put("ended", new SendState.Ended("sim", Optional.empty()));
        return states;
    }

    /** An event, and the machine that it is for. */
    record Sample(SendMachine machine, SendEvent event) {}

    static Map<String, Sample> events() {
        Map<String, SendEvent> events = new LinkedHashMap<>();
        events.put("start", new SendEvent.Started(Optional.empty()));
        events.put("start fetched", new SendEvent.Started(fetch(OTHER, true, 4, null)));
        events.put("start granted", new SendEvent.Started(fetch(OTHER, true, 4, STANDING)));
        events.put("start stranger", new SendEvent.Started(fetch(OTHER, false, 4, STANDING)));
        events.put("refused", new SendEvent.Refused(refusal(), Optional.empty()));
        events.put("refused fetched", new SendEvent.Refused(refusal(), Optional.of(OTHER)));
        events.put("dialled", new SendEvent.Dialled(OTHER));
        looks(events);
        events.put("fetch", fetch(MINE, true, 4, null).get());
        events.put("fetch other", fetch(OTHER, true, 4, null).get());
        events.put("fetch stranger", fetch(OTHER, false, 4, null).get());
        events.put("fetch stranger granted", fetch(OTHER, false, 4, STANDING).get());
        events.put("fetch mine granted", fetch(MINE, true, 4, STANDING).get());
        events.put("fetch other granted", fetch(OTHER, true, 4, STANDING).get());
        events.put("fetch other prompt", fetch(OTHER, true, 3, STANDING).get());
        fromPeer(events);
        fromBelow(events);
        Map<String, Sample> samples = new LinkedHashMap<>();
        events.forEach((name, event) -> samples.put(name, new Sample(PUSHED, event)));
        for (String name : List.of("start", "start fetched", "start granted")) {
            samples.put("held " + name, new Sample(HELD, events.get(name)));
        }
        for (String name : List.of("fetch", "fetch other", "fetch other granted")) {
            samples.put("held " + name, new Sample(HELD, events.get(name)));
        }
        return samples;
    }

    private static void looks(Map<String, SendEvent> events) {
        Tail awaited = new Tail.Awaited();
        Tail attached = new Tail.Attached(Optional.of(ByteBuffer.allocate(1)));
        Tail none = new Tail.None();
        events.put("look half", new SendEvent.Progress(50, HALF, awaited, true));
        events.put("look closed", new SendEvent.Progress(100, HALF, awaited, false));
        events.put("look later", new SendEvent.Progress(100, HALF, awaited, true));
        events.put("look body", new SendEvent.Progress(50, BODY, awaited, true));
        events.put("look all", new SendEvent.Progress(50, ALL, awaited, true));
        events.put("look attached", new SendEvent.Progress(50, ALL, attached, true));
        events.put(
                "look early attached", new SendEvent.Progress(50, new Count(5, 4), attached, true));
        events.put("look without tail", new SendEvent.Progress(50, BODY, none, true));
    }

    private static void fromPeer(Map<String, SendEvent> events) {
        Failure told = new Failure(KvError.CANCELLED, "told");
        events.put("grant", new SendEvent.Granted(MINE, TICKET));
        events.put("grant other", new SendEvent.Granted(OTHER, TICKET));
        events.put("busy", new SendEvent.Busy(MINE, 1, 3));
        events.put("busy other", new SendEvent.Busy(OTHER, 1, 3));
        events.put("done", new SendEvent.Done(MINE, 77));
        events.put("done tail", new SendEvent.Done(MINE, 79));
        events.put("done other ticket", new SendEvent.Done(MINE, 76));
        events.put("done other", new SendEvent.Done(OTHER, 77));
        events.put("cancel", new SendEvent.Cancelled(MINE, told));
        events.put("cancel other", new SendEvent.Cancelled(OTHER, told));
    }

    private static void fromBelow(Map<String, SendEvent> events) {
        Failure lost = new Failure(KvError.PEER_LOST, "lost");
        Frame offer = new Frame.Offer(ID, 4, DIGEST, 0, 2, true);
        events.put("unsent offer", new SendEvent.Unsent(offer));
        events.put("unsent saved", new SendEvent.Unsent(new Frame.Saved(ID)));
        Frame attachment = new Frame.Attachment(ID, 79, Optional.empty());
        events.put("unsent attachment", new SendEvent.Unsent(attachment));
        Frame cancel = new Frame.Cancel(ID, KvError.BAD_ROUTE, "");
        events.put("unsent cancel", new SendEvent.Unsent(cancel));
        events.put("session restarts", new SendEvent.SessionEnded(MINE, lost, true));
        events.put("session ends", new SendEvent.SessionEnded(MINE, lost, false));
        events.put("session other", new SendEvent.SessionEnded(OTHER, lost, true));
        events.put("pieces idle", new SendEvent.PiecesEnded(Optional.empty(), true));
        events.put("pieces", new SendEvent.PiecesEnded(Optional.empty(), false));
        events.put("failed idle", new SendEvent.PiecesEnded(Optional.of(lost), true));
        events.put("failed", new SendEvent.PiecesEnded(Optional.of(lost), false));
        events.put("aborted", new SendEvent.Aborted(new Count(5, 4)));
        events.put("aborted body", new SendEvent.Aborted(BODY));
        events.put("deadline", new SendEvent.DeadlinePassed("late"));
        events.put("closing", new SendEvent.Closing());
    }

    private static Failure refusal() {
        return new Failure(KvError.NO_SPACE, "full");
    }

    private static Optional<SendEvent.Fetched> fetch(
            Session session, boolean entitled, int tokens, @Nullable Ticket ticket) {
        return Optional.of(
                new SendEvent.Fetched(
                        session, entitled, tokens, DIGEST, Optional.ofNullable(ticket)));
    }
}
