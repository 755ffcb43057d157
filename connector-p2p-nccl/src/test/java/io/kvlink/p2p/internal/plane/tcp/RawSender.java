// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.Bytes;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.Journal;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import io.kvlink.spi.MemoryRegion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/** A sender that a test leads byte by byte, into every mistake a sender can make. */
final class RawSender implements AutoCloseable {

    /** The endpoint that receives from this sender name. */
    static final String ENDPOINT = "127.0.0.1:9/0123456789abcdef0123456789abcdef";

    private final SocketChannel channel;
    private final SecretAddress receiver;

    private RawSender(SocketChannel channel, SecretAddress receiver) {
        this.channel = channel;
        this.receiver = receiver;
    }

    /** Connects, and says nothing. */
    static RawSender connect(DataPlane receiver) {
        try {
            SecretAddress endpoint = SecretAddress.parse(receiver.endpoint()).orElseThrow();
            SocketChannel channel = SocketChannel.open(endpoint.socketAddress());
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            return new RawSender(channel, endpoint);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    static ReceiveOp receiveOp(
            long ticket, int firstPiece, Journal journal, Bytes... destinations) {
        List<MemoryRegion> regions = new ArrayList<>();
        for (Bytes destination : destinations) {
            regions.add(destination.region());
        }
        return new ReceiveOp(ENDPOINT, ticket, firstPiece, regions, journal);
    }

    RawSender preamble() {
        return preamble(receiver.secret());
    }

    RawSender preamble(Token secret) {
        return preamble(secret, ENDPOINT);
    }

    /** Shows the right secret, and comes in the name of that endpoint. */
    RawSender preambleOf(String endpoint) {
        return preamble(receiver.secret(), endpoint);
    }

    private RawSender preamble(Token secret, String endpoint) {
        ByteBuffer buffer = TcpWire.newBuffer();
        TcpWire.putPreamble(buffer, secret, Token.digestOf(endpoint));
        return write(buffer.flip());
    }

    RawSender header(int piece, long ticket, long length) {
        ByteBuffer buffer = TcpWire.newBuffer();
        TcpWire.putHeader(buffer, piece, ticket, length);
        return write(buffer.flip());
    }

    RawSender bytes(Bytes source, int from, int to) {
        return write(source.region().slice(from, (long) to - from).buffer());
    }

    /** Writes what fits into the socket's buffers, which must be all. */
    RawSender write(ByteBuffer buffer) {
        if (offer(buffer)) {
            return this;
        }
        throw new AssertionError("left=" + buffer.remaining() + "; write less, or step between");
    }

    /** Writes what the other side lets in; true if that is all. */
    boolean offer(ByteBuffer buffer) {
        try {
            channel.write(buffer);
            return !buffer.hasRemaining();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** A whole frame. */
    static ByteBuffer frame(int piece, long ticket, Bytes source) {
        ByteBuffer bytes = source.region().buffer();
        ByteBuffer frame =
                ByteBuffer.allocate(TcpWire.HEADER_BYTES + bytes.remaining())
                        .order(ByteOrder.LITTLE_ENDIAN);
        TcpWire.putHeader(frame, piece, ticket, bytes.remaining());
        return frame.put(bytes).flip();
    }

    /** True if the receiver has closed the connection. */
    boolean refused() {
        try {
            return channel.read(ByteBuffer.allocate(1)) < 0;
        } catch (IOException reset) {
            return true;
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
