// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.control.FrameCodec;
import io.kvlink.p2p.internal.receive.Expectation;
import io.kvlink.p2p.internal.send.OutboundTransfer;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One real node, and a peer that does its part of a standing grant whenever the test likes. */
class StandingGrantTest {

    private static final int[] PROMPT = {1, 2, 3, 4, 5};
    private static final int TOKENS = 4;
    private static final long DIGEST = PromptDigest.of(PROMPT, PROMPT.length);
    private static final TransferId ID = new TransferId(8, 1, 0);
    private static final long ROOM = 1 << 12;

    @Test
    void shouldGrantWithItsCallWhereThereIsRoom() {
        Receiver receiver = new Receiver(ROOM);
        assertThat(receiver.fetch().ticket()).isPositive();
        assertThat(receiver.fetch().tokens()).isEqualTo(TOKENS);
        assertThat(receiver.fetch().digest()).isEqualTo(DIGEST);
        assertThat(receiver.node.memory.leases()).isEqualTo(1);
        receiver.send(new Frame.Offer(ID, TOKENS, DIGEST, 0, Simulation.LAYERS, false));
        assertThat(receiver.peer.received()).as("the offer that crossed it").isEmpty();
        receiver.giveUp();
    }

    @Test
    void shouldGrantNothingInAdvanceWhereMemoryIsShort() {
        Receiver receiver = new Receiver(2 * layers() - 1);
        assertThat(receiver.fetch().ticket()).isZero();
        receiver.send(new Frame.Offer(ID, TOKENS, DIGEST, 0, Simulation.LAYERS, false));
        assertThat(receiver.peer.received()).hasOnlyElementsOfType(Frame.Grant.class);
        receiver.giveUp();
    }

    @Test
    void shouldHoldAtMostHalfOfItsMemoryInAdvance() {
        Receiver receiver = new Receiver(ROOM);
        List<Expectation> waiting = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            waiting.add(receiver.expect(new TransferId(8, 100 + i, 0)));
        }
        pump(receiver.simulation, receiver.node);
        assertThat(receiver.node.memory.bufferBytes()).isBetween(ROOM / 4, ROOM / 2);
        waiting.forEach(receiver.node.control::release);
        receiver.giveUp();
    }

    @Test
    void shouldRefuseAnotherPromptThatIsOfferedMeanwhile() {
        Receiver receiver = new Receiver(ROOM);
        receiver.send(new Frame.Offer(ID, TOKENS, DIGEST + 1, 0, Simulation.LAYERS, false));
        assertThat(receiver.failure()).isEqualTo(KvError.PROMPT_MISMATCH);
        receiver.settle();
    }

    @Test
    void shouldFreeItAtTheDeadlineOfATransferThatNeverBegins() {
        Receiver receiver = new Receiver(ROOM);
        receiver.answerPings = true;
        receiver.pass(9_900);
        assertThat(receiver.expectation.status()).isInstanceOf(Expectation.Waiting.class);
        receiver.pass(300);
        assertThat(receiver.failure()).isEqualTo(KvError.DEADLINE);
        receiver.settle();
    }

    @Test
    void shouldAskARestartedSenderAgainUnderANewTicket() {
        Receiver receiver = new Receiver(ROOM);
        long first = receiver.fetch().ticket();
        receiver.send(new Frame.Bye());
        receiver.accept(10);
        assertThat(receiver.fetch().ticket()).isPositive().isNotEqualTo(first);
        assertThat(receiver.node.memory.leases()).as("for one ticket").isEqualTo(1);
        receiver.giveUp();
    }

    @Test
    void shouldHaveAnOfferRepeatedIfItTakesItsGrantBack() {
        Receiver receiver = new Receiver(ROOM);
        Peer other = receiver.secondLink();
        other.send(new Frame.Offer(ID, TOKENS, DIGEST, 0, Simulation.LAYERS, false));
        pump(receiver.simulation, receiver.node);
        assertThat(other.received()).isEmpty();
        receiver.send(new Frame.Bye());
        receiver.accept(9);
        assertThat(other.received()).hasOnlyElementsOfType(Frame.Busy.class);
        receiver.giveUp();
    }

    @ParameterizedTest
    @CsvSource({"false, true", "false, false", "true, true", "true, false"})
    void shouldSendUnderAStandingGrantWithoutAnOffer(boolean get, boolean fetchedFirst) {
        Sender sender = new Sender(get);
        if (fetchedFirst) {
            sender.fetch(DIGEST, 77);
            sender.start();
        } else {
            sender.start();
            sender.fetch(DIGEST, 77);
        }
        sender.saveAll();
        assertThat(sender.sending()).hasSize(Simulation.LAYERS).containsOnly(77L);
        sender.cancel();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldRefuseAGrantForAnotherPrompt(boolean get) {
        Sender sender = new Sender(get);
        sender.start();
        sender.fetch(DIGEST + 1, 77);
        assertThat(sender.outbound.ended()).isTrue();
        assertThat(sender.failure()).contains(KvError.PROMPT_MISMATCH);
        assertThat(sender.peer.received())
                .anySatisfy(
                        frame ->
                                assertThat(frame)
                                        .isInstanceOfSatisfying(
                                                Frame.Cancel.class,
                                                cancel ->
                                                        assertThat(cancel.error())
                                                                .isEqualTo(
                                                                        KvError.PROMPT_MISMATCH)));
    }

    @Test
    void shouldTakeAGrantWhileItBacksOff() {
        Sender sender = new Sender(false);
        sender.start();
        Frame offer = sender.offers().get(0);
        assertThat(offer).isInstanceOf(Frame.Offer.class);
        sender.answerOffer(new Frame.Busy(ID, 5_000));
        assertThat(sender.outbound.offered()).isFalse();
        sender.fetch(DIGEST, 78);
        sender.saveAll();
        assertThat(sender.sending()).hasSize(Simulation.LAYERS).containsOnly(78L);
        sender.cancel();
    }

    @Test
    void shouldGiveUpWhenTheReceiverTakesItsGrantBack() {
        Sender sender = new Sender(true);
        sender.start();
        sender.fetch(DIGEST, 77);
        sender.fetch(DIGEST, 0);
        assertThat(sender.failure()).contains(KvError.PEER_LOST);
        assertThat(sender.outbound.ended()).isTrue();
    }

    @Test
    void shouldTellWhoeverFetchedThatNobodyBegan() {
        Sender sender = new Sender(false);
        sender.fetch(DIGEST, 77);
        sender.peer.received();
        for (int i = 0; i < 12; i++) {
            sender.simulation.settle(1_000);
            sender.peer.send(new Frame.Ping());
            pump(sender.simulation, sender.node);
        }
        assertThat(sender.peer.received()).hasAtLeastOneElementOfType(Frame.Cancel.class);
    }

    private static long layers() {
        return Simulation.LAYERS * Simulation.LAYOUT.layerBytes(TOKENS);
    }

    private static void pump(Simulation simulation, Simulation.Node node) {
        Random random = new Random(1);
        for (int i = 0; i < 4; i++) {
            boolean more = true;
            while (more) {
                more = simulation.network.deliverOne(random);
            }
            simulation.stepNode(node);
        }
        boolean more = true;
        while (more) {
            more = simulation.network.deliverOne(random);
        }
    }

    private static Frame.Identity identity(HostPort address, long epoch) {
        return new Frame.Identity(
                "peer",
                epoch,
                address,
                Simulation.LAYOUT,
                0,
                List.of(new Frame.Plane("sim", address + "/" + epoch)));
    }

    /** What the test says to a node on one link, and hears from it. */
    private static final class Peer {
        private final SimNetwork.SimTransport transport;
        private ControlTransport.Link link;

        Peer(SimNetwork.SimTransport transport, ControlTransport.Link link) {
            this.transport = transport;
            this.link = link;
        }

        void send(Frame frame) {
            transport.send(link, FrameCodec.encode(frame));
        }

        /** What came that is about transfers. */
        List<Frame> received() {
            List<Frame> frames = new ArrayList<>();
            transport.poll((from, bytes) -> frames.add(FrameCodec.decode(bytes)), 1000);
            frames.removeIf(
                    frame ->
                            frame instanceof Frame.Ping
                                    || frame instanceof Frame.Accept
                                    || frame instanceof Frame.Hello);
            return frames;
        }
    }

    /** A real consumer that waits for one transfer from the test. */
    private static final class Receiver {
        private final HostPort address = new HostPort("p", 100);
        private final Simulation simulation;
        private final Simulation.Node node;
        private final SimNetwork.SimTransport transport;
        private final Expectation expectation;
        private Peer peer;
        private Frame.Fetch fetch;
        private boolean answerPings;

        Receiver(long bytes) {
            simulation = new Simulation(1, false, 0);
            simulation.nodes(0, 1, 0, bytes);
            node = simulation.decodes.get(0);
            transport = simulation.network.join(address);
            simulation.fabric.join(address + "/9");
            expectation = expect(ID);
            accept(9);
        }

        Expectation expect(TransferId id) {
            TransferRoute route = new TransferRoute(address, node.address, id);
            Expectation wait =
                    new Expectation(new KvRequest("r" + id, Optional.of(route), PROMPT), DIGEST);
            node.control.expect(wait);
            return wait;
        }

        /** Answers the node's call. */
        void accept(long epoch) {
            pump(simulation, node);
            transport.poll(
                    (from, bytes) -> {
                        if (FrameCodec.decode(bytes) instanceof Frame.Hello) {
                            peer = new Peer(transport, from);
                        }
                    },
                    1000);
            peer.send(new Frame.Accept(identity(address, epoch), "sim"));
            pump(simulation, node);
            for (Frame frame : peer.received()) {
                if (frame instanceof Frame.Fetch asked) {
                    fetch = asked;
                }
            }
        }

        /** The same peer calls the node too. */
        Peer secondLink() {
            SimNetwork.SimTransport own = simulation.network.join(new HostPort("p", 101));
            Peer second = new Peer(own, own.dial(node.address));
            second.send(new Frame.Hello(Frame.PROTOCOL, identity(address, 9)));
            pump(simulation, node);
            second.received();
            return second;
        }

        Frame.Fetch fetch() {
            return fetch;
        }

        void send(Frame frame) {
            peer.send(frame);
            pump(simulation, node);
        }

        void pass(long ms) {
            for (long left = ms; left > 0; left -= 100) {
                simulation.settle(100);
                if (answerPings) {
                    peer.send(new Frame.Ping());
                }
                pump(simulation, node);
            }
        }

        KvError failure() {
            pump(simulation, node);
            return ((Expectation.Failed) expectation.status()).error();
        }

        void giveUp() {
            settle();
        }

        void settle() {
            node.control.release(expectation);
            pump(simulation, node);
            simulation.settle(100);
            assertThat(simulation.held()).isEmpty();
        }
    }

    /** A real producer whose consumer is the test. */
    private static final class Sender {
        private final HostPort address = new HostPort("d", 200);
        private final boolean get;
        private final Simulation simulation;
        private final Simulation.Node node;
        private final SimNetwork.SimTransport transport;
        private final SimNetwork.SimTransport own;
        private final Peer peer;
        private Peer called;
        private OutboundTransfer outbound;

        Sender(boolean get) {
            this.get = get;
            simulation = new Simulation(1, get, 0);
            simulation.nodes(1, 0, ROOM, 0);
            node = simulation.prefills.get(0);
            simulation.fabric.join(address + "/9");
            transport = simulation.network.join(address);
            own = simulation.network.join(new HostPort("d", 201));
            peer = new Peer(own, own.dial(node.address));
            peer.send(new Frame.Hello(Frame.PROTOCOL, identity(address, 9)));
            pump(simulation, node);
        }

        void start() {
            TransferRoute route = new TransferRoute(node.address, address, ID);
            outbound =
                    new OutboundTransfer(
                            new KvRequest("r", Optional.of(route), PROMPT),
                            Simulation.LAYERS,
                            Chunks.of(TOKENS, 0, false),
                            DIGEST,
                            get,
                            null);
            node.control.start(outbound);
            pump(simulation, node);
        }

        /** Tickets of the pieces that the node sends. */
        List<Long> sending() {
            return simulation.fabric.sending(node.address + "/" + node.epoch);
        }

        /** How the one transfer that has ended failed. */
        Optional<KvError> failure() {
            assertThat(node.sent).hasSize(1);
            return node.sent.element().failure();
        }

        /** Answers the node's call, and says what it offers. */
        List<Frame> offers() {
            transport.poll((from, bytes) -> called = new Peer(transport, from), 1000);
            called.send(new Frame.Accept(identity(address, 9), "sim"));
            pump(simulation, node);
            return called.received();
        }

        void answerOffer(Frame frame) {
            called.send(frame);
            pump(simulation, node);
        }

        void fetch(long digest, long ticket) {
            peer.send(new Frame.Fetch(ID, TOKENS, digest, ticket, false));
            pump(simulation, node);
        }

        void saveAll() {
            for (int layer = 0; layer < Simulation.LAYERS; layer++) {
                int count = Math.toIntExact(Simulation.LAYOUT.layerBytes(TOKENS));
                MemoryRegion bytes = MemoryRegion.ofBuffer(ByteBuffer.wrap(new byte[count]));
                outbound.save(layer, 0, List.of(bytes), count, null);
                node.control.saved(outbound);
            }
            pump(simulation, node);
        }

        void cancel() {
            peer.send(new Frame.Cancel(ID, KvError.CANCELLED, "enough"));
            pump(simulation, node);
            simulation.settle(100);
            outbound.letGo();
            assertThat(outbound.ended()).isTrue();
            assertThat(simulation.held()).isEmpty();
        }
    }
}
