// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.socket.Connection;
import io.kvlink.spi.KvConnectorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a side channel: frames in, frames out, nothing waits. The receiver dials, so a
 * dialled link is for receiving and an accepted one for sending. Device thread.
 */
public final class Link implements Connection.Handler {

    /** Stages of a link. */
    enum State {
        /** Dialled and not connected, or accepted and not introduced. */
        OPENING,
        /** Frames go both ways. */
        OPEN,
        /** Ends in order: what is under way ends, and both sides say goodbye. */
        LEAVING,
        /** The socket is closed. */
        CLOSED
    }

    final boolean dialled;
    // Later ones have larger ones.
    final long number;
    State state = State.OPENING;
    // The peer's endpoint as it says itself; empty until it has introduced itself.
    String endpoint = "";
    @Nullable GpuEndpoint peer;
    // Whether the peer said Bye: then its GPU works for this link no more.
    boolean byeHeard;
    boolean byeSaid;
    // Whether the socket ever was connected: if not, the peer knows nothing of us.
    boolean wasOpen;
    // Whether the peer was asked to settle what was before.
    boolean asked;

    private final SideChannel channel;
    private final Connection connection;
    private ByteBuffer in = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    // First byte of what was read and isn't decoded, which goes up to the position.
    private int undecoded;

    Link(SideChannel channel, Connection connection, long number, boolean dialled) {
        this.channel = channel;
        this.connection = connection;
        this.number = number;
        this.dialled = dialled;
    }

    public boolean open() {
        return state == State.OPEN;
    }

    /** True if this node dialled it, to receive on it. */
    public boolean isDialled() {
        return dialled;
    }

    /** The peer; {@code null} until it has introduced itself. */
    public @Nullable GpuEndpoint peer() {
        return peer;
    }

    /** True if the peer's GPU never worked for this link, or has said that it works no more. */
    public boolean peerHasEnded() {
        return !wasOpen || byeHeard;
    }

    /** True if nobody listens where it was dialled. */
    boolean refused() {
        return connection.refused();
    }

    /** The peer of an accepted link has said who it is. */
    void introduced(String as, GpuEndpoint by) {
        endpoint = as;
        peer = by;
        state = State.OPEN;
        wasOpen = true;
        connection.admitted();
    }

    void queue(LinkFrame frame) {
        connection.queue(LinkCodec.encode(frame));
    }

    /** Writes what the socket takes. */
    void flush() {
        connection.flush();
    }

    @Override
    public void onConnected(long nowNs) {
        wasOpen = true;
        if (state == State.OPENING) {
            state = State.OPEN;
        }
    }

    @Override
    public int onReadable(long nowNs) throws IOException {
        if (!in.hasRemaining()) {
            ByteBuffer larger =
                    ByteBuffer.allocate(in.capacity() * 4).order(ByteOrder.LITTLE_ENDIAN);
            in = larger.put(in.flip());
        }
        boolean ended = connection.channel().read(in) < 0;
        decode();
        if (ended && state != State.CLOSED) {
            close();
            channel.onClosed(this, "the peer closed the connection");
        }
        return 1;
    }

    private void decode() throws IOException {
        try {
            channel.hear(this);
        } catch (KvConnectorException cause) {
            throw new IOException(String.valueOf(cause.getMessage()), cause);
        }
    }

    /** Goes on with frames that were read before. */
    void hear() {
        try {
            decode();
        } catch (IOException cause) {
            connection.lose(cause.toString());
        }
    }

    @Override
    public int onWritable(long nowNs) {
        connection.awaitWritable(false);
        return 1;
    }

    @Override
    public String overdue(long nowNs) {
        return ""; // A link may be silent as long as it likes.
    }

    @Override
    public void onClosed(String reason) {
        state = State.CLOSED;
        channel.onClosed(this, reason);
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

    /** True if the socket has taken all that was sent. */
    boolean flushed() {
        return connection.flushed();
    }

    /** Closes the socket. Closing twice does nothing. */
    void close() {
        state = State.CLOSED;
        connection.close();
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
