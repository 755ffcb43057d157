// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.ControlTransport.Link;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.control.FrameCodec;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Conversations with peers: opens them by the {@link Handshake}, notices that a peer is gone or has
 * restarted, and ends them. A session belongs to one start (epoch) of a peer; a restarted peer is a
 * new one. Control thread only.
 */
public final class Sessions {

    /** Hears of sessions. */
    public interface Listener {
        /** Both sides agreed; transfers may begin. */
        void onOpen(Session session);

        /** The session is over; its transfers have failed with this. */
        void onEnded(Session session, KvError error, String detail);

        /** A frame about a transfer, on an open session. */
        void onTransferFrame(Session session, Frame frame);
    }

    private static final Logger logger = LoggerFactory.getLogger(Sessions.class);
    private static final int MOST_ACCEPTED = 1024;
    private static final long PING_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long HELLO_AGAIN_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long IDLE_NS = TimeUnit.MINUTES.toNanos(10);

    private final ControlTransport transport;
    private final Handshake handshake;
    private final TransferLimits limits;
    private final TransferStats stats;
    private final Listener listener;
    private final LongSupplier clock;

    private final Map<Link, Session> byLink = new HashMap<>();
    private final Map<HostPort, Session> dialled = new HashMap<>();
    private boolean closed;

    /**
     * Sessions with peers, none so far.
     *
     * @param transport carries frames; borrowed
     * @param self who this node is
     * @param devices of the planes, by name, the most wanted first
     * @param limits times
     * @param stats counts
     * @param listener hears of sessions
     * @param clock the time
     */
    public Sessions(
            ControlTransport transport,
            Frame.Identity self,
            Map<String, DeviceAgent> devices,
            TransferLimits limits,
            TransferStats stats,
            Listener listener,
            LongSupplier clock) {
        this.transport = transport;
        handshake = new Handshake(self, devices);
        this.limits = limits;
        this.stats = stats;
        this.listener = listener;
        this.clock = clock;
    }

    /** The session that we opened to an address, or a new one, perhaps still dialling. */
    public Session dial(HostPort address) {
        Session session = dialled.get(address);
        if (session == null) {
            session = new Session(transport.dial(address), address, true, nowNs());
            dialled.put(address, session);
            byLink.put(session.link, session);
            hello(session);
        }
        return session;
    }

    /** A session that is open to a rank of an instance, of its latest start, if there is one. */
    public Optional<Session> of(HostPort instance) {
        return byLink.values().stream()
                .filter(session -> session.with(instance))
                .max(Comparator.comparingLong(Session::epoch));
    }

    /**
     * Sends a frame.
     *
     * @return false if it couldn't be queued, and is lost
     */
    public boolean send(Session session, Frame frame) {
        if (session.state == Session.State.ENDED) {
            return false;
        }
        session.lastSentNs = nowNs();
        return transport.send(session.link, FrameCodec.encode(frame));
    }

    /** Sessions that are open. */
    public int openSessions() {
        int open = 0;
        for (Session session : byLink.values()) {
            open += session.open() ? 1 : 0;
        }
        return open;
    }

    /** A frame has come on some link; the bytes may be anything. */
    public void onFrame(Link link, byte[] bytes) {
        Session session = byLink.get(link);
        Frame frame;
        try {
            frame = FrameCodec.decode(bytes);
        } catch (KvConnectorException malformed) {
            stats.onMalformedFrame();
            if (session == null) {
                transport.hangUp(link);
            } else {
                reject(link, KvError.MALFORMED_FRAME, "the last frame was malformed");
                end(session, KvError.MALFORMED_FRAME, String.valueOf(malformed.getMessage()));
            }
            return;
        }
        if (session != null) {
            session.lastHeardNs = nowNs();
        }
        if (frame instanceof Frame.Hello hello) {
            onHello(link, hello);
        } else if (session == null) {
            onStranger(link, frame);
        } else {
            onSessionFrame(session, frame);
        }
    }

    /** Watches over time: calls unanswered, peers silent, sessions unused. */
    public void tick() {
        for (Session session : List.copyOf(byLink.values())) {
            if (session.state == Session.State.DIALLING) {
                if (nowNs() - session.dialledNs >= limits.handshakeTimeoutNs()) {
                    session.unanswered = true;
                    end(session, KvError.PEER_LOST, session + "; no answer to HELLO");
                } else if (nowNs() - session.lastHelloNs >= HELLO_AGAIN_NS) {
                    hello(session);
                }
            } else if (nowNs() - session.lastHeardNs >= limits.peerTimeoutNs()) {
                end(session, KvError.PEER_LOST, session + "; silent for too long");
            } else if (session.dialled
                    && session.transfers == 0
                    && nowNs() - session.lastUsedNs >= IDLE_NS) {
                send(session, new Frame.Bye());
                end(session, KvError.CLOSED, session + "; unused");
            } else if (nowNs() - session.lastSentNs >= PING_NS) {
                send(session, new Frame.Ping());
            }
        }
    }

    /** Says goodbye to all, and accepts nobody any more. */
    public void close() {
        closed = true;
        for (Session session : List.copyOf(byLink.values())) {
            send(session, new Frame.Bye());
            end(session, KvError.CLOSED, "this connector is closing");
        }
    }

    private void hello(Session session) {
        session.lastHelloNs = nowNs();
        send(session, handshake.hello(session.unreachable));
    }

    private void onHello(Link link, Frame.Hello hello) {
        Frame.Identity peer = hello.identity();
        Session session = byLink.get(link);
        if (closed) {
            reject(link, KvError.CLOSED, "this connector is closing");
            return;
        }
        if (session != null && session.dialled) {
            reject(link, KvError.MALFORMED_FRAME, "HELLO on a link that this side dialled");
            end(session, KvError.MALFORMED_FRAME, "HELLO as an answer");
            return;
        }
        Handshake.Verdict verdict = handshake.judge(hello);
        if (verdict instanceof Handshake.Misfits misfits) {
            refuse(link, peer, misfits);
            if (session != null) {
                end(session, misfits.error(), misfits.detail());
            }
        } else if (verdict instanceof Handshake.Fits fits) {
            greet(link, session, peer, fits);
        }
    }

    private void refuse(Link link, Frame.Identity peer, Handshake.Misfits misfits) {
        stats.onHandshakeRefused();
        logger.warn(
                "peer={} refused: {} {} (ours/theirs)",
                peer.address(),
                misfits.error(),
                misfits.detail());
        reject(link, misfits.error(), misfits.detail() + " (receiver's/caller's)");
    }

    private void greet(
            Link link, @Nullable Session known, Frame.Identity peer, Handshake.Fits fits) {
        Session session = known;
        if (session == null) {
            if (!endOlderEpochs(peer)) {
                String detail = "address=" + peer.address() + " is taken by a newer instance";
                logger.warn("engine={} refused: {}", peer.engineId(), detail);
                reject(link, KvError.BAD_CONFIG, detail + "; set kv_ip or kv_port");
                return;
            }
            if (byLink.size() - dialled.size() >= MOST_ACCEPTED) {
                reject(link, KvError.NO_SPACE, "sessions=" + MOST_ACCEPTED);
                return;
            }
            session = new Session(link, peer.address(), false, nowNs());
            byLink.put(link, session);
            opened(session, peer, fits);
        } else if (session.transfers == 0 && !fits.device().equals(session.device)) {
            // The caller could not reach us by the plane that we chose, and offers the others.
            session.use(fits.device(), fits.endpoint());
            logger.info("{} plane={} instead", session, session.planeName());
        }
        send(session, handshake.accept(session.device()));
    }

    private void onStranger(Link link, Frame frame) {
        if (!(frame instanceof Frame.Reject || frame instanceof Frame.Bye)) {
            reject(link, KvError.PEER_RESTARTED, "no session on this link; say HELLO");
        }
        transport.hangUp(link);
    }

    private void onSessionFrame(Session session, Frame frame) {
        if (frame instanceof Frame.Accept accept) {
            onAccept(session, accept);
        } else if (frame instanceof Frame.Reject reject) {
            String detail = session + "; refused by the peer: " + reject.detail();
            end(session, reject.error(), detail);
        } else if (frame instanceof Frame.Bye) {
            end(session, KvError.PEER_LOST, session + "; the peer said goodbye");
        } else if (!(frame instanceof Frame.Ping) && session.open()) {
            listener.onTransferFrame(session, frame);
        }
    }

    private void onAccept(Session session, Frame.Accept accept) {
        if (session.open() || !session.dialled) {
            return; // An answer to a repeated HELLO.
        }
        Handshake.Verdict verdict = handshake.judge(accept);
        if (verdict instanceof Handshake.Misfits misfits) {
            end(session, misfits.error(), session + " " + misfits.detail());
        } else if (verdict instanceof Handshake.LeadsNowhere nowhere) {
            tryWithout(session, nowhere.plane());
        } else if (verdict instanceof Handshake.Fits fits) {
            opened(session, accept.identity(), fits);
        }
    }

    // The peer believes that the plane leads here; the next best may.
    private void tryWithout(Session session, String plane) {
        session.unreachable.add(plane);
        if (handshake.exhausted(session.unreachable)) {
            end(session, KvError.NO_COMMON_PLANE, session + " tried=" + session.unreachable);
        } else {
            logger.info("{} plane={} doesn't lead there; trying the others", session, plane);
            hello(session);
        }
    }

    private void opened(Session session, Frame.Identity peer, Handshake.Fits fits) {
        session.peer = peer;
        session.use(fits.device(), fits.endpoint());
        session.state = Session.State.OPEN;
        logger.info("{} plane={} dialled={}", session, session.planeName(), session.dialled);
        listener.onOpen(session);
    }

    // Epochs grow with time: of two at one address the younger is the restarted peer.
    private boolean endOlderEpochs(Frame.Identity peer) {
        for (Session session : List.copyOf(byLink.values())) {
            Frame.Identity known = session.peer;
            if (known != null && known.address().equals(peer.address())) {
                if (known.epoch() > peer.epoch()) {
                    return false;
                }
                if (known.epoch() < peer.epoch()) {
                    end(session, KvError.PEER_RESTARTED, session + " newEpoch=" + peer.epoch());
                }
            }
        }
        return true;
    }

    private void reject(Link link, KvError error, String detail) {
        transport.send(link, FrameCodec.encode(new Frame.Reject(error, detail)));
    }

    private void end(Session session, KvError error, String detail) {
        if (session.state == Session.State.ENDED) {
            return;
        }
        boolean wasOpen = session.open();
        session.state = Session.State.ENDED;
        byLink.remove(session.link);
        if (session.dialled) {
            dialled.remove(session.address(), session);
        }
        transport.hangUp(session.link);
        logger.info("{} ended: {} {}", session.address(), error, detail);
        if (wasOpen && lastOf(session)) {
            String endpoint = session.endpoint();
            session.device().submit(plane -> plane.disconnect(endpoint));
        }
        listener.onEnded(session, error, detail);
    }

    // A peer may have called us and been called by us: its connections serve both sessions.
    private boolean lastOf(Session ended) {
        for (Session session : byLink.values()) {
            if (session.open() && session.endpoint().equals(ended.endpoint())) {
                return false;
            }
        }
        return true;
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
