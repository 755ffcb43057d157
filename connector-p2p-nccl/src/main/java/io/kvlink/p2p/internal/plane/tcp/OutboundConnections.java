// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.TcpEndpoint;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;

/** The connections that this plane has opened, one for each peer it sends to. Device thread. */
final class OutboundConnections {

    private final TcpPlaneConfig config;
    private final Token self;
    private final Selector selector;
    private final FailureLog failures;
    private final ByteBuffer scratch = ByteBuffer.allocateDirect(64);

    private final Map<String, OutboundConnection> byEndpoint = new HashMap<>();
    // Those that can go on without the selector.
    private final ArrayDeque<OutboundConnection> scheduled = new ArrayDeque<>();

    OutboundConnections(TcpPlaneConfig config, Token self, Selector selector, FailureLog failures) {
        this.config = config;
        this.self = self;
        this.selector = selector;
        this.failures = failures;
    }

    void send(SendOp op) {
        byEndpoint.computeIfAbsent(op.endpoint(), this::open).send(op);
    }

    private OutboundConnection open(String endpoint) {
        TcpEndpoint peer =
                TcpEndpoint.parse(endpoint)
                        .orElseThrow(() -> new IllegalArgumentException("endpoint=" + endpoint));
        return new OutboundConnection(this, endpoint, peer);
    }

    void schedule(OutboundConnection connection) {
        scheduled.add(connection);
    }

    boolean hasScheduled() {
        return !scheduled.isEmpty();
    }

    int runScheduled(long nowNs) {
        int workCount = 0;
        for (int count = scheduled.size(); count > 0; count--) {
            workCount += scheduled.remove().onScheduled(nowNs);
        }
        return workCount;
    }

    void cancel(String endpoint, long ticket) {
        OutboundConnection connection = byEndpoint.get(endpoint);
        if (connection != null) {
            connection.cancel(ticket);
        }
    }

    void disconnect(String endpoint) {
        OutboundConnection connection = byEndpoint.get(endpoint);
        if (connection != null) {
            connection.close(KvError.PEER_LOST, "was disconnected");
        }
    }

    void closeOverdue(long nowNs) {
        for (OutboundConnection connection : new ArrayList<>(byEndpoint.values())) {
            String reason = connection.overdue(nowNs);
            if (!reason.isEmpty()) {
                onLost(connection, reason);
                connection.close(KvError.PEER_LOST, reason);
            }
        }
    }

    void close(KvError error, String detail) {
        for (OutboundConnection connection : new ArrayList<>(byEndpoint.values())) {
            connection.close(error, detail);
        }
    }

    void onLost(OutboundConnection connection, String reason) {
        failures.failed("a connection to a receiver was lost", connection + " " + reason);
    }

    void onClosed(OutboundConnection connection) {
        byEndpoint.remove(connection.endpoint(), connection);
    }

    Token self() {
        return self;
    }

    Selector selector() {
        return selector;
    }

    ByteBuffer scratch() {
        return scratch;
    }

    long maxLayerBytes() {
        return config.maxLayerBytes();
    }

    long connectTimeoutNs() {
        return config.connectTimeoutNs();
    }

    long stallTimeoutNs() {
        return config.stallTimeoutNs();
    }
}
