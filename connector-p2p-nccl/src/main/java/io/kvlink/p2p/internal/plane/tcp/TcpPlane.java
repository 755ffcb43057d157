// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.ReceiveTable;
import io.kvlink.p2p.internal.plane.Regions;
import io.kvlink.p2p.internal.plane.TcpEndpoint;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves layers of host memory over TCP, with one connection from each sender to each receiver. Its
 * bytes are drawn in {@link TcpWire}.
 *
 * <p>Whoever calls {@link #poll} must have carried out all commands that were queued before the
 * call. Bytes are read in {@code poll} only, and an unknown ticket gets one poll's grace, so a
 * receive that was queued before its grant left is known before its bytes are judged.
 */
public final class TcpPlane implements DataPlane {

    /** The name in handshakes and configurations. */
    public static final String NAME = "tcp";

    private static final Logger log = LoggerFactory.getLogger(TcpPlane.class);
    private static final String CLOSED = "the plane is closed";
    private static final long SWEEP_NS = TimeUnit.MILLISECONDS.toNanos(10);

    private final String endpoint;
    private final Selector selector;
    private final ReceiveTable receives = new ReceiveTable();
    private final InboundConnections inbound;
    private final OutboundConnections outbound;
    private final Consumer<SelectionKey> onReady = this::onReady;
    // Set by any thread, cleared by idle: selectNow swallows the selector's own wake-ups.
    private final AtomicBoolean woken = new AtomicBoolean();

    private long nowNs;
    private long sweepNs;
    private boolean polled;
    private boolean closed;
    private int workCount;

    private TcpPlane(TcpPlaneConfig config, Selector selector, ServerSocketChannel door)
            throws IOException {
        Token secret = Token.random();
        FailureLog failures = new FailureLog(log);
        this.selector = selector;
        this.endpoint = new TcpEndpoint(advertised(config, door), secret).text();
        this.inbound = new InboundConnections(config, secret, selector, door, receives, failures);
        this.outbound =
                new OutboundConnections(config, Token.digestOf(endpoint), selector, failures);
    }

    /** What a selection key has attached. */
    interface Ready {
        /**
         * The channel can do something.
         *
         * @param nowNs the time
         * @return how much was done
         */
        int onReady(long nowNs);
    }

    /**
     * Listens.
     *
     * @param config where, and the limits
     * @return the plane, to be polled by one thread
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if it can't listen there
     */
    public static TcpPlane open(TcpPlaneConfig config) {
        Selector selector = null;
        ServerSocketChannel door = null;
        try {
            selector = Selector.open();
            door = ServerSocketChannel.open();
            door.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            door.bind(
                    new InetSocketAddress(
                            InetAddress.getByName(config.bindHost()), config.bindPort()),
                    256);
            door.configureBlocking(false);
            return new TcpPlane(config, selector, door);
        } catch (IOException | RuntimeException cause) {
            closeQuietly(door);
            closeQuietly(selector);
            throw cause instanceof KvConnectorException refused
                    ? refused
                    : new KvConnectorException(
                            KvError.BAD_CONFIG,
                            "tcp.bindHost=%s tcp.bindPort=%d: %s; choose an address of this host and a free port"
                                    .formatted(config.bindHost(), config.bindPort(), cause),
                            cause);
        }
    }

    private static InetSocketAddress advertised(TcpPlaneConfig config, ServerSocketChannel door)
            throws IOException {
        InetSocketAddress bound = (InetSocketAddress) door.getLocalAddress();
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
        return TcpEndpoint.parse(peer).isPresent();
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
        if (!polled) {
            polled = true;
            sweepNs = now;
        }
        nowNs = now;
        workCount = inbound.unpark(now);
        runReady();
        // After the selector, which tells of connections that the other side has closed.
        workCount += outbound.runScheduled(now);
        if (now - sweepNs >= 0) {
            sweepNs = now + SWEEP_NS;
            inbound.closeOverdue(now);
            outbound.closeOverdue(now);
        }
        return workCount;
    }

    /** Serves what idle has found, which is still worth a look, or else what is ready now. */
    private void runReady() {
        Set<SelectionKey> found = selector.selectedKeys();
        if (!found.isEmpty()) {
            found.forEach(onReady);
            found.clear();
            return;
        }
        try {
            selector.selectNow(onReady);
        } catch (IOException cause) {
            throw new KvConnectorException(KvError.INTERNAL, "plane=tcp select", cause);
        }
    }

    private void onReady(SelectionKey key) {
        // An earlier key's listener may have closed this one's channel.
        if (key.isValid() && key.attachment() instanceof Ready ready) {
            workCount += ready.onReady(nowNs);
        }
    }

    /** Whether a frame with an unknown ticket waits for the next poll. */
    boolean parks() {
        return inbound.hasParked();
    }

    @Override
    public void idle(long maxNs) {
        if (woken.getAndSet(false) || inbound.hasParked() || outbound.hasScheduled()) {
            return;
        }
        try {
            if (maxNs > 0) {
                // The selector counts in milliseconds, and 0 is for ever.
                selector.select(Math.max(1, TimeUnit.NANOSECONDS.toMillis(maxNs)));
            }
        } catch (IOException cause) {
            throw new KvConnectorException(KvError.INTERNAL, "plane=tcp select", cause);
        }
        woken.set(false);
    }

    @Override
    public void wakeup() {
        if (woken.compareAndSet(false, true)) {
            selector.wakeup();
        }
    }

    @Override
    public List<KvMetric> metrics() {
        long refused = inbound.refusedFrames();
        return refused == 0
                ? List.of()
                : List.of(
                        new KvMetric(
                                "refused_frames_total",
                                "Data frames that closed their connection.",
                                true,
                                Map.of("plane", NAME),
                                (double) refused));
    }

    @Override
    public void close() {
        closed = true;
        outbound.close(KvError.CLOSED, CLOSED);
        inbound.close(KvError.CLOSED, CLOSED);
        receives.failAll(each -> true, KvError.CLOSED, CLOSED);
        closeQuietly(selector);
    }

    static void closeQuietly(@Nullable AutoCloseable resource) {
        if (resource != null) {
            try {
                resource.close();
            } catch (Exception cause) {
                log.debug("close: {}", cause.toString());
            }
        }
    }
}
