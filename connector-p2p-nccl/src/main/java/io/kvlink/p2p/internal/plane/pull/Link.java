// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.spi.KvConnectorException;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a side channel: frames in, frames out, nothing waits. The receiver dials, so a
 * dialled link is for receiving and an accepted one for sending. Device thread.
 */
public final class Link {

    /** How it stands. */
    enum State {
        /** Dialled and not connected, or accepted and not introduced. */
        OPENING,
        /** Frames go both ways. */
        OPEN,
        /** It ends in order: what is under way ends, and both sides say goodbye. */
        LEAVING,
        /** The socket is closed. */
        CLOSED
    }

    private static final int MOST_QUEUED_BYTES = 64 << 20;

    public final boolean dialled;
    // Later ones have larger ones.
    final long number;
    State state = State.OPENING;
    // The peer's endpoint as it says itself; empty until it has introduced itself.
    String endpoint = "";
    public @Nullable GpuEndpoint peer;
    // Whether the peer said Bye: then its GPU works for this link no more.
    public boolean byeHeard;
    boolean byeSaid;
    // Whether the socket ever was connected: if not, the peer knows nothing of us.
    public boolean wasOpen;
    // Whether nobody listens where it was dialled.
    boolean refused;
    // Whether the peer was asked to settle what was before.
    boolean asked;
    long sinceNs;

    private final SocketChannel socket;
    private final SelectionKey key;
    // What the socket hasn't taken, up to the position.
    private ByteBuffer out = ByteBuffer.allocate(4096);
    private ByteBuffer in = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    // First byte of what was read and isn't decoded, which goes up to the position.
    private int undecoded;

    Link(long number, boolean dialled, SocketChannel socket, SelectionKey key, long nowNs) {
        this.number = number;
        this.dialled = dialled;
        this.socket = socket;
        this.key = key;
        this.sinceNs = nowNs;
    }

    boolean isOf(SocketChannel other) {
        return socket == other;
    }

    public boolean open() {
        return state == State.OPEN;
    }

    /**
     * Takes a frame to be sent.
     *
     * @throws IOException if the peer doesn't read
     */
    void queue(LinkFrame frame) throws IOException {
        if (state == State.CLOSED) {
            return;
        }
        ByteBuffer bytes = LinkCodec.encode(frame);
        if (out.remaining() < bytes.remaining()) {
            long wanted = (long) out.position() + bytes.remaining();
            if (wanted > MOST_QUEUED_BYTES) {
                throw new IOException("the peer doesn't read; queued=" + out.position());
            }
            out = ByteBuffer.allocate((int) Math.max(wanted, 2L * out.capacity())).put(out.flip());
        }
        out.put(bytes);
    }

    /** Writes what the socket takes. */
    void flush() throws IOException {
        if (!socket.isConnected() || state == State.CLOSED) {
            return;
        }
        out.flip();
        socket.write(out);
        out.compact();
        key.interestOps(
                out.position() == 0
                        ? SelectionKey.OP_READ
                        : SelectionKey.OP_READ | SelectionKey.OP_WRITE);
    }

    /** Completes a dialled connection. */
    void connect() throws IOException {
        try {
            if (socket.finishConnect()) {
                wasOpen = true;
                if (state == State.OPENING) {
                    state = State.OPEN;
                }
                flush();
            }
        } catch (ConnectException cause) {
            refused = true;
            throw cause;
        }
    }

    /** Reads once; false at the end of the stream. */
    boolean read() throws IOException {
        if (!in.hasRemaining()) {
            ByteBuffer larger =
                    ByteBuffer.allocate(in.capacity() * 4).order(ByteOrder.LITTLE_ENDIAN);
            in = larger.put(in.flip());
        }
        return socket.read(in) >= 0;
    }

    /**
     * The next whole frame that was read, or {@code null}.
     *
     * @throws KvConnectorException with MALFORMED_FRAME
     */
    @Nullable LinkFrame next() throws IOException {
        int left = in.position() - undecoded;
        int length = left < 4 ? 0 : in.getInt(undecoded);
        if (left >= 4 && (length < 1 || length > LinkCodec.MAX_BYTES)) {
            throw new IOException("frame length=" + length);
        }
        if (left < 4 + length || left < 4) {
            in.limit(in.position()).position(undecoded);
            in.compact();
            undecoded = 0;
            return null;
        }
        ByteBuffer frame = in.slice(undecoded + 4, length).order(ByteOrder.LITTLE_ENDIAN);
        undecoded += 4 + length;
        return LinkCodec.decode(frame);
    }

    /** Whether the socket has taken all that was sent. */
    boolean flushed() {
        return out.position() == 0;
    }

    /** Closes the socket. Closing twice does nothing. */
    void close() {
        state = State.CLOSED;
        key.cancel();
        try {
            socket.close();
        } catch (IOException cause) {
            // It is closed all the same.
        }
    }

    @Override
    public String toString() {
        return "link=" + (dialled ? "to" : "from") + " peer=" + name() + " state=" + state;
    }

    /** The peer, for messages. */
    public String name() {
        return peer == null ? "stranger" : peer.channel().socketAddress().toString();
    }
}
