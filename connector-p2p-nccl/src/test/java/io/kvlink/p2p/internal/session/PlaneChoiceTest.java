// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.sim.SimNetwork.SimTransport;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Choice of a plane by two nodes when some planes don't lead from one to the other. */
class PlaneChoiceTest {

    private static final long SECOND_NS = 1_000_000_000L;

    private final SimNetwork network = new SimNetwork();
    private long nowNs;

    /** A node that only shakes hands. */
    private final class Node implements Sessions.Listener {
        final SimTransport transport;
        final Sessions sessions;
        final List<String> events = new ArrayList<>();
        Session open;

        Node(int port, Set<String> leadNowhere) {
            HostPort address = new HostPort("127.0.0.1", port);
            transport = network.join(address);
            Map<String, DeviceAgent> devices = new LinkedHashMap<>();
            List<Frame.Plane> planes = new ArrayList<>();
            for (String name : List.of("cuda-ipc", "nccl", "tcp")) {
                devices.put(
                        name, new DeviceAgent(new NamedPlane(name, !leadNowhere.contains(name))));
                planes.add(new Frame.Plane(name, name + "@" + port));
            }
            KvLayout layout = KvLayout.single("m", 2, 1, 4, DType.F32, 4);
            sessions =
                    new Sessions(
                            transport,
                            new Frame.Identity(
                                    "e" + port,
                                    port,
                                    address,
                                    List.of(KvLayerGroup.all(layout)),
                                    0,
                                    planes),
                            devices,
                            new TransferLimits(1, 2 * SECOND_NS, 3 * SECOND_NS, 1, 1),
                            new TransferStats(),
                            this,
                            () -> nowNs);
        }

        @Override
        public void onOpen(Session session) {
            open = session;
            events.add("open " + session.device().plane().name() + " " + session.endpoint());
        }

        @Override
        public void onEnded(Session session, KvError error, String detail) {
            events.add("ended " + error);
        }

        @Override
        public void onTransferFrame(Session session, Frame frame) {}
    }

    private void run(Node... nodes) {
        Random random = new Random(1);
        for (int i = 0; i < 100; i++) {
            network.deliverOne(random);
            for (Node node : nodes) {
                node.transport.poll(node.sessions::onFrame, 10);
                node.sessions.tick();
            }
        }
    }

    @Test
    void shouldTakeTheBestPlaneThatLeadsBothWays() {
        Node caller = new Node(1, Set.of());
        Node called = new Node(2, Set.of("cuda-ipc"));
        caller.sessions.dial(new HostPort("127.0.0.1", 2));

        run(caller, called);

        assertThat(caller.events).containsExactly("open nccl nccl@2");
        assertThat(called.events).containsExactly("open nccl nccl@1");
    }

    @Test
    void shouldTakeTheNextPlaneIfTheCallerCannotReachTheOneThatWasChosen() {
        Node caller = new Node(1, Set.of("cuda-ipc", "nccl"));
        Node called = new Node(2, Set.of());
        caller.sessions.dial(new HostPort("127.0.0.1", 2));

        run(caller, called);

        assertThat(caller.events).containsExactly("open tcp tcp@2");
        assertThat(called.open.device().plane().name()).isEqualTo("tcp");
        assertThat(called.open.endpoint()).isEqualTo("tcp@1");
    }

    @Test
    void shouldEndTheCallIfNoPlaneLeadsThere() {
        Node caller = new Node(1, Set.of("cuda-ipc", "nccl", "tcp"));
        Node called = new Node(2, Set.of());
        caller.sessions.dial(new HostPort("127.0.0.1", 2));

        run(caller, called);

        assertThat(caller.events).containsExactly("ended NO_COMMON_PLANE");
        nowNs += 100 * SECOND_NS;
        run(caller, called);
        assertThat(called.events).contains("ended PEER_LOST");
    }
}
