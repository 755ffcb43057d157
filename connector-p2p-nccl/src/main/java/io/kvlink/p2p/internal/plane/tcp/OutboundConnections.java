// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import io.kvlink.p2p.internal.plane.socket.Sockets;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The connections that this plane has dialled, one for each peer it sends to. Device thread. */
final class OutboundConnections {

    private final TcpPlaneConfig config;
    private final Token self;
    private final Sockets sockets;
    private final ByteBuffer scratch = ByteBuffer.allocateDirect(64);
    private final Map<String, OutboundConnection> byEndpoint = new HashMap<>();

    OutboundConnections(TcpPlaneConfig config, Token self, Sockets sockets) {
        this.config = config;
        this.self = self;
        this.sockets = sockets;
    }

    void send(SendOp op) {
        OutboundConnection connection = byEndpoint.get(op.endpoint());
        if (connection == null) {
            try {
                connection = dial(op.endpoint());
            } catch (IOException cause) {
                op.listener().onSendFailed(op, KvError.PEER_LOST, cause.toString());
                return;
            }
            byEndpoint.put(op.endpoint(), connection);
        }
        connection.send(op);
    }

    private OutboundConnection dial(String endpoint) throws IOException {
        SecretAddress peer =
                SecretAddress.parse(endpoint)
                        .orElseThrow(() -> new IllegalArgumentException("endpoint=" + endpoint));
        ByteBuffer preamble = TcpWire.newBuffer();
        TcpWire.putPreamble(preamble, peer.secret(), self);
        return sockets.dial(
                peer.socketAddress(),
                connection -> new OutboundConnection(this, endpoint, connection, preamble.flip()));
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

    void close(KvError error, String detail) {
        List.copyOf(byEndpoint.values()).forEach(each -> each.close(error, detail));
    }

    /** A connection ends; false if it has ended. */
    boolean forget(OutboundConnection connection) {
        return byEndpoint.remove(connection.endpoint(), connection);
    }

    ByteBuffer scratch() {
        return scratch;
    }

    long maxPieceBytes() {
        return config.maxPieceBytes();
    }

    long stallTimeoutNs() {
        return config.stallTimeoutNs();
    }
}
