// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.control.FrameCodec;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Peer that the test plays on one link of a real node. */
final class PlayedPeer {

    /** A prompt, its tokens that travel, and the transfer that brings them. */
    static final int[] PROMPT = {1, 2, 3, 4, 5};

    static final int TOKENS = 4;
    static final long DIGEST = PromptDigest.of(PROMPT, PROMPT.length);
    static final TransferId ID = new TransferId(8, 1, 0);

    private final SimNetwork.SimTransport transport;
    private ControlTransport.Link link;

    PlayedPeer(SimNetwork.SimTransport transport, ControlTransport.Link link) {
        this.transport = transport;
        this.link = link;
    }

    void send(Frame frame) {
        transport.send(link, FrameCodec.encode(frame));
    }

    /** Received frames that are about transfers. */
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

    /** One start of a peer, as it names itself. */
    static Frame.Identity identity(HostPort address, long epoch) {
        return new Frame.Identity(
                "peer",
                epoch,
                address,
                List.of(KvLayerGroup.all(Simulation.LAYOUT)),
                0,
                List.of(new Frame.Plane("sim", address + "/" + epoch)));
    }

    /** Lets a node and the network do all they can now. */
    static void pump(Simulation simulation, Simulation.Node node) {
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
}
