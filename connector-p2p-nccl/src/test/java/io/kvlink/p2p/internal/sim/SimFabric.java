// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.sim;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Devices in one thread: any send and receive that match may run. */
public final class SimFabric {

    private final boolean arrivesSoon;
    private final Map<String, SimPlane> planes = new HashMap<>();

    /** A fabric on which layers travel while the engine loads, or not. */
    public SimFabric(boolean arrivesSoon) {
        this.arrivesSoon = arrivesSoon;
    }

    /** A node's plane, by its endpoint. */
    public SimPlane join(String endpoint) {
        SimPlane plane = new SimPlane(endpoint);
        planes.put(endpoint, plane);
        return plane;
    }

    /** A node dies; its peers' operations fail. */
    public void kill(String endpoint) {
        SimPlane dead = planes.remove(endpoint);
        if (dead != null) {
            for (SimPlane other : planes.values()) {
                other.failAll(endpoint, KvError.PEER_LOST);
            }
        }
    }

    /** Runs one pair; false if none can run. */
    public boolean runOne(Random random) {
        List<Runnable> able = new ArrayList<>();
        for (SimPlane sender : planes.values()) {
            for (DataPlane.SendOp send : sender.sends) {
                SimPlane receiver = planes.get(send.endpoint());
                if (receiver != null) {
                    for (SimPlane.Posted receive : receiver.receives) {
                        if (receive.matches(send)) {
                            able.add(() -> run(sender, send, receiver, receive));
                        }
                    }
                }
            }
        }
        if (able.isEmpty()) {
            return false;
        }
        able.get(random.nextInt(able.size())).run();
        return true;
    }

    /** Tickets of the sends that wait at an endpoint. */
    public List<Long> sending(String endpoint) {
        return planes.get(endpoint).sends.stream().map(DataPlane.SendOp::ticket).toList();
    }

    private static void run(
            SimPlane sender, DataPlane.SendOp send, SimPlane receiver, SimPlane.Posted receive) {
        sender.sends.remove(send);
        receiver.receives.remove(receive);
        var to = receive.destination().buffer();
        for (MemoryRegion part : send.source()) {
            to.put(part.buffer());
        }
        if (to.hasRemaining()) {
            throw new IllegalStateException("sizes differ: " + send + " " + receive);
        }
        sender.completions.add(() -> send.listener().onSent(send));
        receiver.completions.add(
                () -> receive.op.listener().onPieceReceived(receive.op, receive.layer));
    }

    /** One node's plane. */
    public final class SimPlane implements DataPlane {
        private final String endpoint;
        private final ArrayDeque<SendOp> sends = new ArrayDeque<>();
        private final ArrayDeque<Posted> receives = new ArrayDeque<>();
        private final ArrayDeque<Runnable> completions = new ArrayDeque<>();
        private Runnable onPoll = () -> {};

        private record Posted(ReceiveOp op, int layer) {
            boolean matches(SendOp send) {
                return send.ticket() == op.ticket() && send.piece() == layer;
            }

            MemoryRegion destination() {
                return op.destinations().get(layer - op.firstPiece());
            }
        }

        SimPlane(String endpoint) {
            this.endpoint = endpoint;
        }

        /** Runs before each poll. */
        public void onPoll(Runnable hook) {
            onPoll = hook;
        }

        @Override
        public String name() {
            return "sim";
        }

        @Override
        public String endpoint() {
            return endpoint;
        }

        @Override
        public boolean arrivesSoon() {
            return arrivesSoon;
        }

        @Override
        public boolean reaches(String endpoint) {
            return true;
        }

        @Override
        public void send(SendOp op) {
            if (planes.containsKey(op.endpoint())) {
                sends.add(op);
            } else {
                completions.add(() -> op.listener().onSendFailed(op, KvError.PEER_LOST, "gone"));
            }
        }

        @Override
        public void receive(ReceiveOp op) {
            for (int i = 0; i < op.destinations().size(); i++) {
                receives.add(new Posted(op, op.firstPiece() + i));
            }
        }

        @Override
        public void cancelSends(String endpoint, long ticket) {
            failSends(
                    op -> op.endpoint().equals(endpoint) && op.ticket() == ticket,
                    KvError.CANCELLED);
        }

        @Override
        public void cancelReceive(long ticket) {
            failReceives(op -> op.ticket() == ticket, KvError.CANCELLED);
        }

        @Override
        public void disconnect(String endpoint) {
            failAll(endpoint, KvError.PEER_LOST);
        }

        void failAll(String peer, KvError error) {
            failSends(op -> op.endpoint().equals(peer), error);
            failReceives(op -> op.endpoint().equals(peer), error);
        }

        private void failSends(java.util.function.Predicate<SendOp> which, KvError error) {
            for (Iterator<SendOp> all = sends.iterator(); all.hasNext(); ) {
                SendOp op = all.next();
                if (which.test(op)) {
                    all.remove();
                    completions.add(() -> op.listener().onSendFailed(op, error, "sim"));
                }
            }
        }

        private void failReceives(java.util.function.Predicate<ReceiveOp> which, KvError error) {
            java.util.Set<ReceiveOp> failed = new java.util.LinkedHashSet<>();
            for (Iterator<Posted> all = receives.iterator(); all.hasNext(); ) {
                ReceiveOp op = all.next().op();
                if (which.test(op)) {
                    all.remove();
                    failed.add(op);
                }
            }
            for (ReceiveOp op : failed) {
                completions.add(() -> op.listener().onReceiveFailed(op, error, "sim"));
            }
        }

        @Override
        public int poll(long nowNs) {
            onPoll.run();
            int count = 0;
            for (Runnable next; (next = completions.poll()) != null; count++) {
                next.run();
            }
            return count;
        }

        @Override
        public void idle(long maxNs) {}

        @Override
        public void wakeup() {}

        @Override
        public void close() {}
    }
}
