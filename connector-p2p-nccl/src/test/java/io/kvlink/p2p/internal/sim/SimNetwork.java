// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.sim;

import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.spi.HostPort;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A network in one thread. Frames wait on their link until the test delivers them, in an order that
 * a seed decides, but in order on each link. A node that dies takes its frames along.
 */
public final class SimNetwork {

    private final Map<HostPort, SimTransport> nodes = new HashMap<>();
    private final Map<Wire, ArrayDeque<byte[]>> wires = new LinkedHashMap<>();
    private int lastLink;

    /** A direction of a link. */
    private record Wire(int link, boolean towardsDialled) {}

    /** A node starts at an address. */
    public SimTransport join(HostPort address) {
        SimTransport transport = new SimTransport(address);
        nodes.put(address, transport);
        return transport;
    }

    /** A node dies. */
    public void kill(HostPort address) {
        SimTransport dead = nodes.remove(address);
        if (dead != null) {
            dead.dead = true;
        }
    }

    /** A node can send nothing for a while, as where its peers read too slowly. */
    public void full(HostPort address, boolean full) {
        nodes.get(address).full = full;
    }

    /** Delivers one frame of some link; false if none is waiting. */
    public boolean deliverOne(Random random) {
        List<Wire> waiting = new ArrayList<>();
        wires.forEach(
                (wire, frames) -> {
                    if (!frames.isEmpty()) {
                        waiting.add(wire);
                    }
                });
        if (waiting.isEmpty()) {
            return false;
        }
        Wire wire = waiting.get(random.nextInt(waiting.size()));
        byte[] frame = wires.get(wire).remove();
        SimLink link = links.get(wire.link);
        SimTransport to =
                wire.towardsDialled
                        ? nodes.get(link.address)
                        : (link.dialler.dead ? null : link.dialler);
        if (to != null && !link.hungUp) {
            to.inbox.add(new Received(wire.towardsDialled ? link.farEnd(to) : link, frame));
        }
        return true;
    }

    private final Map<Integer, SimLink> links = new HashMap<>();

    @SuppressWarnings("ArrayRecordComponent")
    private record Received(ControlTransport.Link link, byte[] frame) {}

    /** A dialler's end of a link. */
    private static final class SimLink implements ControlTransport.Link {
        final int number;
        final SimTransport dialler;
        final HostPort address;
        boolean hungUp;

        SimLink(int number, SimTransport dialler, HostPort address) {
            this.number = number;
            this.dialler = dialler;
            this.address = address;
        }

        FarEnd farEnd(SimTransport at) {
            return new FarEnd(number, at);
        }
    }

    /** The dialled node's end of a link: equal for one link and one start of the node. */
    private record FarEnd(int number, SimTransport at) implements ControlTransport.Link {}

    /** One node's end of all its links. */
    public final class SimTransport implements ControlTransport {
        private final HostPort address;
        private final ArrayDeque<Received> inbox = new ArrayDeque<>();
        private boolean dead;
        private boolean full;

        SimTransport(HostPort address) {
            this.address = address;
        }

        @Override
        public HostPort address() {
            return address;
        }

        @Override
        public Link dial(HostPort to) {
            SimLink link = new SimLink(++lastLink, this, to);
            links.put(link.number, link);
            return link;
        }

        @Override
        public boolean send(Link link, byte[] frame) {
            if (full) {
                return false;
            }
            boolean dialled = link instanceof SimLink;
            int number = dialled ? ((SimLink) link).number : ((FarEnd) link).number;
            wires.computeIfAbsent(new Wire(number, dialled), wire -> new ArrayDeque<>()).add(frame);
            return true;
        }

        @Override
        public void hangUp(Link link) {
            if (link instanceof SimLink dialled) {
                dialled.hungUp = true;
            }
        }

        @Override
        public int poll(Handler handler, int most) {
            int count = 0;
            for (Received next; count < most && (next = inbox.poll()) != null; count++) {
                handler.onFrame(next.link, next.frame);
            }
            return count;
        }

        @Override
        public void idle(long maxNs) {}

        @Override
        public void wakeup() {}

        @Override
        public void close() {
            kill(address);
        }
    }
}
