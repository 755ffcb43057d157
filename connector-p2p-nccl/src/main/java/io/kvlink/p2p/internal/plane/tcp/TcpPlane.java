// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.ReceiveTable;
import io.kvlink.p2p.internal.plane.Regions;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import io.kvlink.p2p.internal.plane.socket.Sockets;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves pieces of host memory over TCP, with one connection from each sender to each receiver. Its
 * bytes are drawn in {@link TcpWire}.
 *
 * <p>Whoever calls {@link #poll} must have carried out all commands that were queued before the
 * call. Bytes are read in {@code poll} only, and an unknown ticket gets one poll's grace. So a
 * receive that was queued before its grant left is known before its bytes are judged.
 */
public final class TcpPlane implements DataPlane {

    /** The name in handshakes and configurations. */
    public static final String NAME = "tcp";

    private static final Logger log = LoggerFactory.getLogger(TcpPlane.class);
    private static final String CLOSED = "the plane is closed";

    private final String endpoint;
    private final ReceiveTable receives = new ReceiveTable();
    private final Sockets sockets;
    private final InboundConnections inbound;
    private final OutboundConnections outbound;
    private boolean closed;

    private TcpPlane(TcpPlaneConfig config) throws IOException {
        FailureLog failures = new FailureLog(log);
        Token secret = Token.random();
        inbound = new InboundConnections(config, secret, receives, failures);
        Sockets.Limits limits =
                new Sockets.Limits(
                        config.maxStrangers(),
                        config.preambleTimeoutNs(),
                        config.connectTimeoutNs());
        sockets =
                Sockets.listen(
                        config.bindHost(), config.bindPort(), limits, failures, inbound::accept);
        try {
            endpoint = new SecretAddress(advertised(config, sockets.address()), secret).text();
        } catch (IOException | RuntimeException cause) {
            sockets.close();
            throw cause;
        }
        outbound = new OutboundConnections(config, Token.digestOf(endpoint), sockets);
    }

    /**
     * Listens.
     *
     * @param config where, and the limits
     * @return the plane, to be polled by one thread
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if it can't listen there
     */
    public static TcpPlane open(TcpPlaneConfig config) {
        try {
            return new TcpPlane(config);
        } catch (IOException | IllegalArgumentException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "tcp.bindHost=%s tcp.bindPort=%d: %s; choose an address of this host and a free port"
                            .formatted(config.bindHost(), config.bindPort(), cause),
                    cause);
        }
    }

    private static InetSocketAddress advertised(TcpPlaneConfig config, InetSocketAddress bound)
            throws IOException {
        if (!config.advertisedHost().isEmpty()) {
            InetAddress host = InetAddress.getByName(config.advertisedHost());
            return new InetSocketAddress(host, bound.getPort());
        }
        if (bound.getAddress().isAnyLocalAddress()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "tcp.bindHost=%s is every address; set tcp.advertisedHost to the one that peers reach"
                            .formatted(config.bindHost()));
        }
        return bound;
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
        return SecretAddress.parse(peer).isPresent();
    }

    @Override
    public void send(SendOp op) {
        Regions.requireHost(op);
        if (closed) {
            op.listener().onSendFailed(op, KvError.CLOSED, CLOSED);
        } else {
            outbound.send(op);
        }
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
        outbound.cancel(peer, ticket);
    }

    @Override
    public void cancelReceive(long ticket) {
        receives.fail(ticket, KvError.CANCELLED, "ticket=" + ticket);
    }

    @Override
    public void disconnect(String peer) {
        outbound.disconnect(peer);
        inbound.disconnect(peer);
        receives.failAll(
                each -> each.op().endpoint().equals(peer),
                KvError.PEER_LOST,
                "the peer was disconnected");
    }

    @Override
    public int poll(long now) {
        int workCount = inbound.unpark(now);
        workCount += sockets.poll(now);
        workCount += sockets.runScheduled();
        sockets.sweep();
        return workCount;
    }

    /** True if a frame with an unknown ticket waits for the next poll. */
    boolean parks() {
        return inbound.hasParked();
    }

    @Override
    public void idle(long maxNs) {
        if (!inbound.hasParked()) {
            sockets.idle(maxNs);
        }
    }

    @Override
    public void wakeup() {
        sockets.wakeup();
    }

    @Override
    public List<KvMetric> metrics() {
        long refused = inbound.refusedFrames();
        return refused == 0
                ? List.of()
                : List.of(
                        KvMetric.counter(
                                "refused_frames_total",
                                "Data frames that closed their connection.",
                                Map.of("plane", NAME),
                                (double) refused));
    }

    @Override
    public void close() {
        closed = true;
        outbound.close(KvError.CLOSED, CLOSED);
        inbound.close(KvError.CLOSED, CLOSED);
        receives.failAll(each -> true, KvError.CLOSED, CLOSED);
        sockets.close();
    }
}
