// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.ReceiveTable;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.Connection;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;

/**
 * The connections that senders have opened to this plane. Device thread.
 *
 * <p>A sender is a stranger until it has shown the secret, and a ticket that was granted to the
 * sender in whose name it comes. A sender has one connection: a newer one that shows a ticket
 * replaces the older, which its end must have lost.
 */
final class InboundConnections {

    static final int SCRATCH_BYTES = 256 * 1024;

    private final TcpPlaneConfig config;
    private final Token secret;
    private final ReceiveTable receives;
    private final FailureLog failures;
    // Where bytes go that nobody wants. Shared, as nobody reads them.
    private final ByteBuffer scratch = ByteBuffer.allocateDirect(SCRATCH_BYTES);

    private final Set<InboundConnection> open = new LinkedHashSet<>();
    private final Map<Token, InboundConnection> bySender = new HashMap<>();
    private final ArrayDeque<InboundConnection> parked = new ArrayDeque<>();
    private final LongAdder refusedFrames = new LongAdder();
    private long nowNs;

    InboundConnections(
            TcpPlaneConfig config, Token secret, ReceiveTable receives, FailureLog failures) {
        this.config = config;
        this.secret = secret;
        this.receives = receives;
        this.failures = failures;
    }

    /** A visitor has come. */
    InboundConnection accept(Connection connection) {
        InboundConnection stranger = new InboundConnection(this, connection, nowNs);
        open.add(stranger);
        return stranger;
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
        connection.admitted();
        bySender.put(sender, connection);
        if (older != null) {
            older.replaced(posted);
        }
    }

    void onParked(InboundConnection connection) {
        parked.add(connection);
    }

    void onClosed(InboundConnection connection) {
        open.remove(connection);
        parked.remove(connection);
        if (connection.sender() != null) {
            bySender.remove(connection.sender(), connection);
        }
    }

    boolean hasParked() {
        return !parked.isEmpty();
    }

    /** Goes on with what was parked by the poll before; comes before anything else of a poll. */
    int unpark(long now) {
        nowNs = now;
        int count = parked.size();
        for (int i = 0; i < count && !parked.isEmpty(); i++) {
            parked.remove().unpark(now);
        }
        return count;
    }

    void disconnect(String endpoint) {
        Token sender = Token.digestOf(endpoint);
        for (InboundConnection connection : List.copyOf(open)) {
            if (sender.equals(connection.sender())) {
                connection.close(KvError.PEER_LOST, "the peer was disconnected");
            }
        }
    }

    void close(KvError error, String detail) {
        for (InboundConnection connection : List.copyOf(open)) {
            connection.close(error, detail);
        }
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

    long maxPieceBytes() {
        return config.maxPieceBytes();
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

    /** Number of frames that were refused. From any thread. */
    long refusedFrames() {
        return refusedFrames.sum();
    }
}
