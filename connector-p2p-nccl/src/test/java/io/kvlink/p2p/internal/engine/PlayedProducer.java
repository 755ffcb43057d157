// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.control.FrameCodec;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;

/** A real consumer that waits for one transfer from a producer that the test plays. */
final class PlayedProducer {

    final HostPort address = new HostPort("p", 100);
    final Simulation simulation;
    final Simulation.Node node;
    final SimNetwork.SimTransport transport;
    final AwaitedKv expectation;
    PlayedPeer peer;
    Frame.Fetch fetch;
    boolean answerPings;

    PlayedProducer(long seed, long bytes) {
        simulation = new Simulation(seed, false, 0);
        simulation.nodes(0, 1, 0, bytes);
        node = simulation.decodes.get(0);
        transport = simulation.network.join(address);
        simulation.fabric.join(address + "/9");
        expectation = expect(PlayedPeer.ID);
        accept(9);
    }

    AwaitedKv expect(TransferId id) {
        TransferRoute route = new TransferRoute(address, node.address, id);
        AwaitedKv wait =
                new AwaitedKv(
                        KvRequest.builder("r" + id, PlayedPeer.PROMPT).route(route).build(),
                        PlayedPeer.DIGEST,
                        Simulation.GROUPS);
        node.control.expect(wait);
        return wait;
    }

    /** Answers the node's call. */
    void accept(long epoch) {
        PlayedPeer.pump(simulation, node);
        transport.poll(
                (from, bytes) -> {
                    if (FrameCodec.decode(bytes) instanceof Frame.Hello) {
                        peer = new PlayedPeer(transport, from);
                    }
                },
                1000);
        peer.send(new Frame.Accept(PlayedPeer.identity(address, epoch), "sim"));
        PlayedPeer.pump(simulation, node);
        for (Frame frame : peer.received()) {
            if (frame instanceof Frame.Fetch asked) {
                fetch = asked;
            }
        }
    }

    /** Second link from the same peer to the node. */
    PlayedPeer secondLink() {
        SimNetwork.SimTransport own = simulation.network.join(new HostPort("p", 101));
        PlayedPeer second = new PlayedPeer(own, own.dial(node.address));
        second.send(new Frame.Hello(Frame.PROTOCOL, PlayedPeer.identity(address, 9)));
        PlayedPeer.pump(simulation, node);
        second.received();
        return second;
    }

    Frame.Fetch fetch() {
        return fetch;
    }

    void send(Frame frame) {
        peer.send(frame);
        PlayedPeer.pump(simulation, node);
    }

    void pass(long ms) {
        for (long left = ms; left > 0; left -= 100) {
            simulation.settle(100);
            if (answerPings) {
                peer.send(new Frame.Ping());
            }
            PlayedPeer.pump(simulation, node);
        }
    }

    KvError failure() {
        PlayedPeer.pump(simulation, node);
        return ((Expectation.Failed) Waits.status(expectation)).error();
    }

    void giveUp() {
        settle();
    }

    void settle() {
        node.control.release(expectation);
        PlayedPeer.pump(simulation, node);
        simulation.settle(100);
        assertThat(simulation.held()).isEmpty();
    }
}
