// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.loopback;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.PostedReceive;
import io.kvlink.p2p.internal.plane.ReceiveTable;
import io.kvlink.p2p.internal.plane.Regions;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.loopback.LoopbackMessage.Delivery;
import io.kvlink.p2p.internal.plane.loopback.LoopbackMessage.Refused;
import io.kvlink.p2p.internal.plane.loopback.LoopbackMessage.SenderLeft;
import io.kvlink.p2p.internal.plane.loopback.LoopbackMessage.Taken;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Moves pieces of host memory between planes of one JVM: the receiver copies them out of the
 * sender's memory. For tests and benchmarks.
 *
 * <p>Planes meet in their inboxes only, which any thread may fill. All else of a plane belongs to
 * its device thread.
 */
public final class LoopbackPlane implements DataPlane {

    /** The name in handshakes and configurations. */
    public static final String NAME = "loopback";

    private static final String CLOSED = "the plane is closed";
    private static final int MESSAGES_PER_POLL = 64;
    private static final long BYTES_PER_POLL = 4 << 20;

    // Static, because the network that these planes share is the JVM, and there is one of it.
    private static final Map<String, LoopbackPlane> NETWORK = new ConcurrentHashMap<>();
    private static final String PREFIX = "loopback:" + Token.random().hex() + "/";
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    private final String endpoint = PREFIX + NUMBERS.incrementAndGet();
    private final Queue<LoopbackMessage> inbox = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean woken = new AtomicBoolean();
    private volatile @Nullable Thread idler;
    // Written by the device thread; senders read it after they have put something in the inbox.
    private volatile boolean closed;

    private final ReceiveTable receives = new ReceiveTable();
    // What has been sent and hasn't ended. Whoever removes a delivery tells its listener.
    private final Set<Delivery> outstanding = new LinkedHashSet<>();
    // What came before its receive, until the next poll.
    private final ArrayDeque<Delivery> parked = new ArrayDeque<>();

    private LoopbackPlane() {}

    /** Makes a plane that all others in this JVM can reach, to be polled by one thread. */
    public static LoopbackPlane open() {
        LoopbackPlane plane = new LoopbackPlane();
        NETWORK.put(plane.endpoint, plane);
        return plane;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String endpoint() {
        return endpoint;
    }

    @Override
    public boolean arrivesSoon() {
        return false;
    }

    @Override
    public boolean reaches(String peer) {
        return peer.startsWith(PREFIX);
    }

    @Override
    public void send(SendOp op) {
        if (!reaches(op.endpoint())) {
            throw new IllegalArgumentException("endpoint=" + op.endpoint());
        }
        Regions.requireHost(op);
        if (closed) {
            op.listener().onSendFailed(op, KvError.CLOSED, CLOSED);
            return;
        }
        Delivery delivery = Delivery.of(this, op);
        outstanding.add(delivery);
        LoopbackPlane peer = NETWORK.get(op.endpoint());
        if (peer == null || !peer.tell(delivery)) {
            tell(new Refused(delivery, KvError.PEER_LOST, "peer=" + op.endpoint() + " is closed"));
        }
    }

    /** Puts a message into the inbox; false if nobody may read it. Any thread. */
    private boolean tell(LoopbackMessage message) {
        inbox.add(message);
        wakeup();
        return !closed;
    }

    @Override
    public void receive(ReceiveOp op) {
        receives.post(op);
        if (closed) {
            receives.fail(op.ticket(), KvError.CLOSED, CLOSED);
        }
    }

    @Override
    public void cancelSends(String peer, long ticket) {
        endSends(
                each ->
                        each.op().endpoint().equals(peer)
                                && each.op().ticket() == ticket
                                && each.withdraw(),
                KvError.CANCELLED,
                "ticket=" + ticket);
    }

    @Override
    public void cancelReceive(long ticket) {
        receives.fail(ticket, KvError.CANCELLED, "ticket=" + ticket);
    }

    @Override
    public void disconnect(String peer) {
        LoopbackPlane other = NETWORK.get(peer);
        if (other != null) {
            other.tell(new SenderLeft(endpoint));
        }
        String detail = "peer=" + peer + " was disconnected";
        // Its leaving, if it has left, is no news any more.
        inbox.removeIf(each -> each instanceof SenderLeft left && left.endpoint().equals(peer));
        refuse(each -> each.from().endpoint.equals(peer), detail);
        // What the peer is copying ends by its message.
        endSends(
                each -> each.op().endpoint().equals(peer) && each.withdraw(),
                KvError.PEER_LOST,
                detail);
        receives.failAll(each -> each.op().endpoint().equals(peer), KvError.PEER_LOST, detail);
    }

    private void endSends(Predicate<Delivery> which, KvError error, String detail) {
        List<Delivery> ended = outstanding.stream().filter(which).toList();
        for (Delivery delivery : ended) {
            onRefused(new Refused(delivery, error, detail));
        }
    }

    /** Gives back what has come and isn't copied. */
    private void refuse(Predicate<Delivery> which, String detail) {
        List<Delivery> refused = new ArrayList<>(parked);
        inbox.forEach(
                message -> {
                    if (message instanceof Delivery delivery) {
                        refused.add(delivery);
                    }
                });
        refused.removeIf(which.negate());
        parked.removeAll(refused);
        inbox.removeAll(refused);
        for (Delivery delivery : refused) {
            delivery.from().tell(new Refused(delivery, KvError.PEER_LOST, detail));
        }
    }

    @Override
    public int poll(long nowNs) {
        int workCount = 0;
        long bytes = 0;
        for (int count = parked.size(); count > 0 && !parked.isEmpty(); count--) {
            Delivery delivery = parked.remove();
            bytes += delivery.op().bytes();
            onDelivery(delivery, true);
            workCount++;
        }
        for (LoopbackMessage message;
                workCount < MESSAGES_PER_POLL
                        && bytes < BYTES_PER_POLL
                        && (message = inbox.poll()) != null;
                workCount++) {
            if (message instanceof Delivery delivery) {
                bytes += delivery.op().bytes();
                onDelivery(delivery, false);
            } else if (message instanceof Taken taken) {
                onTaken(taken);
            } else if (message instanceof Refused refused) {
                onRefused(refused);
            } else if (message instanceof SenderLeft left) {
                onSenderLeft(left);
            }
        }
        return workCount;
    }

    /** An unknown ticket gets one poll's grace, because its receive may wait among the commands. */
    private void onDelivery(Delivery delivery, boolean wasParked) {
        SendOp op = delivery.op();
        PostedReceive receive = receives.find(op.ticket());
        if (receive == null && !wasParked) {
            parked.add(delivery);
            return;
        }
        if (receive == null) {
            delivery.from().tell(new Taken(delivery));
            return;
        }
        String fault = receive.fault(op.piece(), op.bytes());
        if (!receive.op().endpoint().equals(delivery.from().endpoint)) {
            fault = "belongs to another sender";
        }
        if (!fault.isEmpty()) {
            String detail = "ticket=%d %s".formatted(op.ticket(), fault);
            delivery.from().tell(new Refused(delivery, KvError.PEER_LOST, detail));
            failFrom(delivery.from().endpoint, KvError.MALFORMED_FRAME, detail);
            return;
        }
        if (delivery.copyTo(receive.destination(op.piece()))) {
            delivery.from().tell(new Taken(delivery));
            receives.pieceArrived(receive, op.piece());
        }
    }

    private void onTaken(Taken taken) {
        if (outstanding.remove(taken.delivery())) {
            SendOp op = taken.delivery().op();
            op.listener().onSent(op);
        }
    }

    private void onRefused(Refused refused) {
        refused.delivery().withdraw();
        if (outstanding.remove(refused.delivery())) {
            SendOp op = refused.delivery().op();
            op.listener().onSendFailed(op, refused.error(), refused.detail());
        }
    }

    private void onSenderLeft(SenderLeft left) {
        failFrom(left.endpoint(), KvError.PEER_LOST, "peer=" + left.endpoint() + " left");
    }

    /** Fails all that the sender was to send, as a lost connection would. */
    private void failFrom(String sender, KvError error, String detail) {
        receives.failAll(each -> each.op().endpoint().equals(sender), error, detail);
    }

    /** True if a piece with an unknown ticket waits for the next poll. */
    boolean parks() {
        return !parked.isEmpty();
    }

    @Override
    public void idle(long maxNs) {
        idler = Thread.currentThread();
        if (!woken.get() && inbox.isEmpty() && parked.isEmpty() && maxNs > 0) {
            LockSupport.parkNanos(this, maxNs);
        }
        woken.set(false);
    }

    @Override
    public void wakeup() {
        woken.set(true);
        LockSupport.unpark(idler);
    }

    @Override
    public void close() {
        NETWORK.remove(endpoint, this);
        closed = true;
        for (LoopbackPlane other : NETWORK.values()) {
            other.tell(new SenderLeft(endpoint));
        }
        refuse(each -> true, "peer=" + endpoint + " is closed");
        outstanding.forEach(Delivery::withdrawOrWait);
        endSends(each -> true, KvError.CLOSED, CLOSED);
        receives.failAll(each -> true, KvError.CLOSED, CLOSED);
    }
}
