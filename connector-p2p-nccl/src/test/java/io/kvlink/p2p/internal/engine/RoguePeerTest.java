// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.control.FrameCodec;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** One real node, and peers that send it whatever frames the test likes. */
class RoguePeerTest {

    private static final int[] PROMPT = {1, 2, 3, 4, 5};
    private static final long DIGEST = PromptDigest.of(PROMPT, PROMPT.length);

    @Test
    void shouldTellARequestThatComesWhileItsFailedTransferIsDrained() {
        Simulation simulation = simulation(false, 1 << 20);
        Simulation.Node node = simulation.decodes.get(0);
        Peer peer = new Peer(simulation, node, 100);
        TransferId id = new TransferId(1, 1, 0);
        peer.send(new Frame.Offer(id, 4, DIGEST, 0, Simulation.LAYERS, false));
        pump(simulation, node, 3);
        node.device.doWork(0);
        peer.send(new Frame.Cancel(id, KvError.CANCELLED, "changed my mind"));
        pump(simulation, node, 2);
        AwaitedKv late = new AwaitedKv(peer.request(id), DIGEST, Simulation.GROUPS);
        node.control.expect(late);
        pump(simulation, node, 1);
        assertThat(Waits.status(late))
                .isInstanceOfSatisfying(
                        Expectation.Failed.class,
                        failed -> assertThat(failed.error()).isEqualTo(KvError.CANCELLED));
        node.control.release(late);
        simulation.settle(100);
        assertThat(simulation.held()).isEmpty();
    }

    @Test
    void shouldTakeNoOfferOnceItIsClosing() {
        Simulation simulation = simulation(false, 1 << 20);
        Simulation.Node node = simulation.decodes.get(0);
        Peer peer = new Peer(simulation, node, 100);
        peer.send(new Frame.Offer(new TransferId(2, 2, 0), 4, 1, 0, Simulation.LAYERS, false));
        deliverAll(simulation);
        CompletableFuture<Void> drained = node.control.beginClose();
        pump(simulation, node, 3);
        assertThat(drained).isDone();
        assertThat(node.memory.leases()).isZero();
    }

    @Test
    void shouldRefuseATransferThatIsOfferedTwiceOrInPart() {
        Simulation simulation = simulation(false, 1 << 20);
        Simulation.Node node = simulation.decodes.get(0);
        Peer first = new Peer(simulation, node, 100);
        Peer second = new Peer(simulation, node, 101);
        Peer third = new Peer(simulation, node, 102);
        TransferId doubled = new TransferId(3, 2, 0);
        first.send(new Frame.Offer(doubled, 4, 1, 0, Simulation.LAYERS, false));
        first.send(new Frame.Offer(doubled, 4, 1, 0, Simulation.LAYERS, false));
        second.send(
                new Frame.Offer(new TransferId(3, 3, 0), 4, 1, 0, Simulation.LAYERS - 1, false));
        third.send(new Frame.Offer(new TransferId(3, 4, 0), 4, 1, 0, Simulation.LAYERS, false));
        pump(simulation, node, 2);
        assertThat(first.received()).contains("Grant", "Cancel");
        assertThat(second.received()).contains("Cancel").doesNotContain("Grant");
        assertThat(third.received()).contains("Grant").doesNotContain("Cancel");
    }

    @Test
    void shouldHoldOnlySoManyOffersOfOnePeer() {
        Simulation simulation = simulation(false, 10);
        Simulation.Node node = simulation.decodes.get(0);
        Peer peer = new Peer(simulation, node, 100);
        for (int i = 0; i < 3000; i++) {
            peer.send(new Frame.Offer(new TransferId(5, i, 0), 1, 1, 0, Simulation.LAYERS, false));
            if (i % 50 == 0) {
                pump(simulation, node, 2);
            }
        }
        pump(simulation, node, 60);
        assertThat(node.control.transfers()).isLessThanOrEqualTo(1024);
    }

    @Test
    void shouldNotHoldForFetchingWhatItsConsumerGaveUpBefore() {
        Simulation simulation = simulation(true, 1 << 20);
        Simulation.Node node = simulation.decodes.get(0);
        Peer consumer = new Peer(simulation, node, 100);
        TransferId id = new TransferId(6, 1, 0);
        consumer.send(new Frame.Fetch(id, 4, DIGEST, 0, false));
        pump(simulation, node, 2);
        consumer.send(new Frame.Cancel(id, KvError.CANCELLED, "the client left"));
        pump(simulation, node, 2);
        SavedKv held =
                new SavedKv(
                        consumer.request(id),
                        Simulation.GROUPS,
                        Chunks.of(4, 0, false),
                        DIGEST,
                        true,
                        List.of(node.memory.tryLease(Simulation.LAYERS, 16, "r")));
        node.control.start(held);
        held.letGo();
        pump(simulation, node, 2);
        assertThat(held.ended()).isTrue();
        assertThat(simulation.held()).isEmpty();
    }

    @Test
    void shouldEndASessionWhosePeerNamesAPlaneItDoesNotOffer() {
        Simulation simulation = simulation(false, 1 << 20);
        Simulation.Node node = simulation.decodes.get(0);
        HostPort address = new HostPort("p", 100);
        SimNetwork.SimTransport transport = simulation.network.join(address);
        AwaitedKv expectation =
                new AwaitedKv(
                        KvRequest.builder("r", PROMPT)
                                .route(
                                        new TransferRoute(
                                                address, node.address, new TransferId(7, 1, 0)))
                                .build(),
                        DIGEST,
                        Simulation.GROUPS);
        node.control.expect(expectation);
        pump(simulation, node, 2);
        transport.poll(
                (link, frame) ->
                        transport.send(
                                link,
                                FrameCodec.encode(
                                        new Frame.Accept(identity(address, "elsewhere"), "sim"))),
                10);
        pump(simulation, node, 2);
        assertThat(Waits.status(expectation))
                .isInstanceOfSatisfying(
                        Expectation.Failed.class,
                        failed -> assertThat(failed.error()).isEqualTo(KvError.NO_COMMON_PLANE));
    }

    private static Simulation simulation(boolean get, long bytes) {
        Simulation simulation = new Simulation(1, get, 0);
        simulation.nodes(0, 1, 0, bytes);
        return simulation;
    }

    private static Frame.Identity identity(HostPort address, String plane) {
        return new Frame.Identity(
                "rogue",
                9,
                address,
                List.of(KvLayerGroup.all(Simulation.LAYOUT)),
                0,
                List.of(new Frame.Plane(plane, address + "/1")));
    }

    private static void deliverAll(Simulation simulation) {
        boolean more = true;
        while (more) {
            more = simulation.network.deliverOne(simulation.random);
        }
    }

    private static void pump(Simulation simulation, Simulation.Node node, int times) {
        for (int i = 0; i < times; i++) {
            deliverAll(simulation);
            node.control.doWork(-5_000_000_000L);
        }
        deliverAll(simulation);
    }

    /** A node without an agent: it has said HELLO, and says what the test says. */
    private static final class Peer {
        private final Simulation.Node node;
        private final HostPort address;
        private final SimNetwork.SimTransport transport;
        private final ControlTransport.Link link;

        Peer(Simulation simulation, Simulation.Node node, int port) {
            this.node = node;
            address = new HostPort("p", port);
            transport = simulation.network.join(address);
            simulation.fabric.join(address + "/1");
            link = transport.dial(node.address);
            send(new Frame.Hello(Frame.PROTOCOL, identity(address, "sim")));
            pump(simulation, node, 2);
        }

        void send(Frame frame) {
            transport.send(link, FrameCodec.encode(frame));
        }

        KvRequest request(TransferId id) {
            return KvRequest.builder("r" + id, PROMPT)
                    .route(new TransferRoute(address, node.address, id))
                    .build();
        }

        /** The names of the frames that have come. */
        List<String> received() {
            List<String> names = new java.util.ArrayList<>();
            transport.poll(
                    (from, frame) -> names.add(FrameCodec.decode(frame).getClass().getSimpleName()),
                    1000);
            return names;
        }
    }
}
