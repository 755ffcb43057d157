// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/** A real producer whose consumer the test plays. */
final class PlayedConsumer {

    final HostPort address = new HostPort("d", 200);
    final boolean get;
    final Simulation simulation;
    final Simulation.Node node;
    final SimNetwork.SimTransport transport;
    final SimNetwork.SimTransport own;
    final PlayedPeer peer;
    PlayedPeer called;
    SavedKv outbound;

    PlayedConsumer(boolean get) {
        this.get = get;
        simulation = new Simulation(1, get, 0);
        simulation.nodes(1, 0, 1 << 12, 0);
        node = simulation.prefills.get(0);
        simulation.fabric.join(address + "/9");
        transport = simulation.network.join(address);
        own = simulation.network.join(new HostPort("d", 201));
        peer = new PlayedPeer(own, own.dial(node.address));
        peer.send(new Frame.Hello(Frame.PROTOCOL, PlayedPeer.identity(address, 9)));
        PlayedPeer.pump(simulation, node);
    }

    void start() {
        TransferRoute route = new TransferRoute(node.address, address, PlayedPeer.ID);
        outbound =
                new SavedKv(
                        KvRequest.builder("r", PlayedPeer.PROMPT).route(route).build(),
                        Simulation.GROUPS,
                        Chunks.of(PlayedPeer.TOKENS, 0, false),
                        PlayedPeer.DIGEST,
                        get,
                        List.of());
        node.control.start(outbound);
        PlayedPeer.pump(simulation, node);
    }

    /** The consumer calls the node once more. */
    PlayedPeer secondLink() {
        SimNetwork.SimTransport other = simulation.network.join(new HostPort("d", 202));
        PlayedPeer second = new PlayedPeer(other, other.dial(node.address));
        second.send(new Frame.Hello(Frame.PROTOCOL, PlayedPeer.identity(address, 9)));
        PlayedPeer.pump(simulation, node);
        second.received();
        return second;
    }

    /** Tickets of the pieces that the node sends. */
    List<Long> sending() {
        return simulation.fabric.sending(node.address + "/" + node.epoch);
    }

    /** Error of the one transfer that has ended; empty if it succeeded. */
    Optional<KvError> failure() {
        assertThat(node.sent).hasSize(1);
        return node.sent.element().failure();
    }

    /** Answers the node's call, and says what it offers. */
    List<Frame> offers() {
        transport.poll((from, bytes) -> called = new PlayedPeer(transport, from), 1000);
        called.send(new Frame.Accept(PlayedPeer.identity(address, 9), "sim"));
        PlayedPeer.pump(simulation, node);
        return called.received();
    }

    void answerOffer(Frame frame) {
        called.send(frame);
        PlayedPeer.pump(simulation, node);
    }

    void fetch(long digest, long ticket) {
        peer.send(new Frame.Fetch(PlayedPeer.ID, PlayedPeer.TOKENS, digest, ticket, false));
        PlayedPeer.pump(simulation, node);
    }

    void saveAll() {
        for (int layer = 0; layer < Simulation.LAYERS; layer++) {
            int count = Math.toIntExact(Simulation.LAYOUT.layerBytes(PlayedPeer.TOKENS));
            MemoryRegion bytes = MemoryRegion.ofBuffer(ByteBuffer.wrap(new byte[count]));
            outbound.save(layer, 0, List.of(bytes), count, null);
            node.control.saved(outbound);
        }
        PlayedPeer.pump(simulation, node);
    }

    void cancel() {
        peer.send(new Frame.Cancel(PlayedPeer.ID, KvError.CANCELLED, "enough"));
        PlayedPeer.pump(simulation, node);
        simulation.settle(100);
        outbound.letGo();
        assertThat(outbound.ended()).isTrue();
        assertThat(simulation.held()).isEmpty();
    }
}
