// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.ReceiveTable;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;

/**
 * The connections that senders have opened to this plane, and the door they come in by. Device
 * thread.
 *
 * <p>Whoever hasn't shown the secret, and a ticket that was granted to the sender in whose name it
 * comes, is a stranger. Strangers are few, and when there are too many the oldest leaves, so that
 * they can't keep a sender out. A sender has one connection: a newer one that shows a ticket
 * replaces the older, which its end must have lost.
 */
final class InboundConnections implements TcpPlane.Ready {

    private static final int ACCEPTS_PER_POLL = 16;
    // For a machine out of descriptors, on which accepting fails again at once.
    private static final long ACCEPT_PAUSE_NS = 100_000_000;
    static final int SCRATCH_BYTES = 256 * 1024;

    private final TcpPlaneConfig config;
    private final Token secret;
    private final Selector selector;
    private final ServerSocketChannel door;
    private final SelectionKey doorKey;
    private final ReceiveTable receives;
    private final FailureLog failures;
    // Where bytes go that nobody wants. Shared, as nobody reads them.
    private final ByteBuffer scratch = ByteBuffer.allocateDirect(SCRATCH_BYTES);

    private final Set<InboundConnection> strangers = new LinkedHashSet<>();
    private final Map<Token, InboundConnection> bySender = new HashMap<>();
    private final ArrayDeque<InboundConnection> parked = new ArrayDeque<>();
    private final LongAdder refusedFrames = new LongAdder();
    private boolean acceptPaused;
    private long acceptAgainNs;

    InboundConnections(
            TcpPlaneConfig config,
            Token secret,
            Selector selector,
            ServerSocketChannel door,
            ReceiveTable receives,
            FailureLog failures)
            throws IOException {
        this.config = config;
        this.secret = secret;
        this.selector = selector;
        this.door = door;
        this.receives = receives;
        this.failures = failures;
        this.doorKey = door.register(selector, SelectionKey.OP_ACCEPT);
        doorKey.attach(this);
    }

    @Override
    public int onReady(long nowNs) {
        for (int accepted = 0; accepted < ACCEPTS_PER_POLL; accepted++) {
            try {
                SocketChannel channel = door.accept();
                if (channel == null) {
                    return accepted;
                }
                admit(channel, nowNs);
            } catch (IOException cause) {
                failures.failed("a connection was not accepted", cause.toString());
                acceptPaused = true;
                acceptAgainNs = nowNs + ACCEPT_PAUSE_NS;
                doorKey.interestOps(0);
                return accepted;
            }
        }
        return ACCEPTS_PER_POLL;
    }

    private void admit(SocketChannel channel, long nowNs) {
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            String remote = String.valueOf(channel.getRemoteAddress());
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
            InboundConnection stranger = new InboundConnection(this, channel, key, remote, nowNs);
            key.attach(stranger);
            strangers.add(stranger);
        } catch (IOException cause) {
            // It has gone again.
            TcpPlane.closeQuietly(channel);
            return;
        }
        if (strangers.size() > config.maxStrangers()) {
            refused("too many strangers; the oldest leaves", "limit=" + config.maxStrangers());
            strangers.iterator().next().close(KvError.PEER_LOST, "too many strangers");
        }
    }

    /** A connection has shown the secret; a sender more than there may be is refused now. */
    void onAuthenticated(InboundConnection connection, Token sender) {
        if (bySender.size() >= config.maxConnections() && !bySender.containsKey(sender)) {
            refused(
                    "a sender was refused; raise maxConnections",
                    "limit=" + config.maxConnections());
            connection.close(KvError.PEER_LOST, "too many connections");
        }
    }

    /**
     * A connection has shown a ticket of its sender: it is the sender's from now on.
     *
     * @param connection the connection
     * @param sender in whose name it comes
     * @param posted how many receives were posted before it showed the secret. What the sender sent
     *     of these may have been lost with its older connection, so they end as failed
     */
    void onProven(InboundConnection connection, Token sender, long posted) {
        InboundConnection older = bySender.get(sender);
        if (older == connection) {
            return;
        }
        onAuthenticated(connection, sender);
        if (connection.isClosed()) {
            return;
        }
        strangers.remove(connection);
        bySender.put(sender, connection);
        if (older != null) {
            older.replaced(posted);
        }
    }

    void onParked(InboundConnection connection) {
        parked.add(connection);
    }

    void onClosed(InboundConnection connection) {
        strangers.remove(connection);
        parked.remove(connection);
        if (connection.sender() != null) {
            bySender.remove(connection.sender(), connection);
        }
    }

    boolean hasParked() {
        return !parked.isEmpty();
    }

    /** Goes on with what was parked by the poll before; comes before anything else of a poll. */
    int unpark(long nowNs) {
        int count = parked.size();
        for (int i = 0; i < count && !parked.isEmpty(); i++) {
            parked.remove().unpark(nowNs);
        }
        return count;
    }

    /** Closes what has used up its time; comes after reading, so that nobody pays for our delay. */
    void closeOverdue(long nowNs) {
        if (acceptPaused && nowNs - acceptAgainNs >= 0) {
            acceptPaused = false;
            doorKey.interestOps(SelectionKey.OP_ACCEPT);
        }
        for (InboundConnection connection : all()) {
            String reason = connection.overdue(nowNs);
            if (!reason.isEmpty()) {
                refused("a connection was given up", reason);
                connection.close(KvError.PEER_LOST, reason);
            }
        }
    }

    void disconnect(String endpoint) {
        Token sender = Token.digestOf(endpoint);
        for (InboundConnection connection : all()) {
            if (sender.equals(connection.sender())) {
                connection.close(KvError.PEER_LOST, "the peer was disconnected");
            }
        }
    }

    void close(KvError error, String detail) {
        TcpPlane.closeQuietly(door);
        for (InboundConnection connection : all()) {
            connection.close(error, detail);
        }
    }

    private List<InboundConnection> all() {
        List<InboundConnection> all = new ArrayList<>(strangers);
        all.addAll(bySender.values());
        return all;
    }

    ReceiveTable receives() {
        return receives;
    }

    ByteBuffer scratch() {
        return scratch;
    }

    String preambleFault(ByteBuffer preamble) {
        return TcpWire.preambleFault(preamble, secret);
    }

    long maxLayerBytes() {
        return config.maxLayerBytes();
    }

    long preambleTimeoutNs() {
        return config.preambleTimeoutNs();
    }

    long stallTimeoutNs() {
        return config.stallTimeoutNs();
    }

    void refused(String kind, String detail) {
        failures.failed(kind, detail);
    }

    /** A frame was refused, and its connection closes. */
    void refusedFrame(String detail) {
        refusedFrames.increment();
        failures.failed("a sender broke the protocol", detail);
    }

    /** How many frames were refused. From any thread. */
    long refusedFrames() {
        return refusedFrames.sum();
    }
}
