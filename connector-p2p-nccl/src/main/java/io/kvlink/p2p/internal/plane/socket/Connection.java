// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.socket;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One socket to a peer, dialled or accepted. Owns the socket, the bytes that it hasn't taken yet,
 * and the deadlines until the peer is known. A {@link Handler} makes sense of the bytes. Device
 * thread.
 */
public final class Connection {

    /** Owner of a connection's protocol. May close any connection, its own too. */
    public interface Handler {
        /**
         * Called when a dialled connection stands.
         *
         * @param nowNs the time
         */
        default void onConnected(long nowNs) {}

        /**
         * Reads from {@link #channel}.
         *
         * @param nowNs the time
         * @return how much was done
         * @throws IOException if the connection is to end
         */
        int onReadable(long nowNs) throws IOException;

        /**
         * Writes to {@link #channel}, which has taken all that was queued; then says whether the
         * socket is to be awaited.
         *
         * @param nowNs the time
         * @return how much was done
         * @throws IOException if the connection is to end
         */
        int onWritable(long nowNs) throws IOException;

        /** The reason to give a peer up that is known; empty if there is none. */
        String overdue(long nowNs);

        /**
         * Called when the connection was closed, but for {@link #close}.
         *
         * @param reason why
         */
        void onClosed(String reason);
    }

    private enum Stage {
        CONNECTING,
        OPEN,
        CLOSED
    }

    private static final int MOST_QUEUED_BYTES = 64 << 20;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Sockets sockets;
    private final SocketChannel channel;
    private final SelectionKey key;
    private final String peer;
    // Null until it is made, which is before anything is served.
    private @Nullable Handler handler;
    private Stage stage;
    private boolean refused;
    // Whether the peer has greeted, if it is the one to do so.
    private boolean greeted;
    private boolean reading = true;
    private boolean writing;
    private boolean scheduled;
    private long sinceNs;
    // The reason to end it with the next poll; empty if there is none.
    private String brokenBy = "";
    // Bytes that the socket hasn't taken, up to the position.
    private ByteBuffer out = NOTHING;

    Connection(
            Sockets sockets,
            SocketChannel channel,
            SelectionKey key,
            String peer,
            boolean dialled,
            long nowNs) {
        this.sockets = sockets;
        this.channel = channel;
        this.key = key;
        this.peer = peer;
        this.stage = dialled ? Stage.CONNECTING : Stage.OPEN;
        this.greeted = dialled;
        this.sinceNs = nowNs;
    }

    void handledBy(Handler made) {
        handler = made;
    }

    private Handler handler() {
        return Objects.requireNonNull(handler, "handler");
    }

    /** The socket, for reading and writing without a copy. */
    public SocketChannel channel() {
        return channel;
    }

    public boolean isOpen() {
        return stage == Stage.OPEN;
    }

    /** True if nobody listened where it was dialled. */
    public boolean refused() {
        return refused;
    }

    /** Ends the time that a peer has for its greeting: it has shown the secret. */
    public void greeted() {
        greeted = true;
    }

    /** Makes it a peer's: it is no stranger any more. */
    public void admitted() {
        greeted = true;
        sockets.admit(this);
    }

    /**
     * Queues bytes for the next time that it is served. A peer that doesn't read is given up by the
     * next poll.
     *
     * @param bytes from position to limit; copied
     */
    public void queue(ByteBuffer bytes) {
        if (out.remaining() < bytes.remaining()) {
            long wanted = (long) out.position() + bytes.remaining();
            if (wanted > MOST_QUEUED_BYTES) {
                breakLater("the peer doesn't read; queued=" + out.position());
                return;
            }
            int size = (int) Math.max(wanted, 2L * out.capacity());
            out = ByteBuffer.allocate(size).put(out.flip());
        }
        out.put(bytes);
        schedule();
    }

    /** True if the socket has taken all that was queued. */
    public boolean flushed() {
        return out.position() == 0;
    }

    /** Writes what the socket takes of what was queued; where that fails the next poll tells. */
    public void flush() {
        if (stage != Stage.OPEN) {
            return;
        }
        try {
            writeQueued();
        } catch (IOException cause) {
            breakLater(cause.toString());
        }
    }

    private void breakLater(String reason) {
        brokenBy = reason;
        enqueue();
    }

    private boolean writeQueued() throws IOException {
        if (!flushed()) {
            out.flip();
            channel.write(out);
            out.compact();
        }
        return flushed();
    }

    /** Schedules a write after the next look at the sockets, if the connection is open. */
    public void schedule() {
        if (stage == Stage.OPEN) {
            enqueue();
        }
    }

    private void enqueue() {
        if (!scheduled) {
            scheduled = true;
            sockets.schedule(this);
        }
    }

    /** True if the socket is full, and tells when it isn't. */
    public boolean awaitsWritable() {
        return writing;
    }

    /** Says whether the socket is to tell that it takes more. */
    public void awaitWritable(boolean wanted) {
        if (writing != wanted) {
            writing = wanted;
            setInterest();
        }
    }

    /** Stops or resumes reading. */
    public void read(boolean wanted) {
        reading = wanted;
        setInterest();
    }

    private void setInterest() {
        if (stage == Stage.OPEN) {
            key.interestOps(
                    (reading ? SelectionKey.OP_READ : 0) | (writing ? SelectionKey.OP_WRITE : 0));
        }
    }

    /** Dials. Its time begins with the next poll, which also tells if it has failed at once. */
    void connect(InetSocketAddress address) {
        enqueue();
        try {
            channel.connect(address);
            key.interestOps(SelectionKey.OP_CONNECT);
        } catch (IOException cause) {
            refused = cause instanceof ConnectException;
            brokenBy = cause.toString();
        }
    }

    /** Does what the socket is ready for. */
    int onReady(long nowNs) {
        int workCount = 0;
        try {
            if (stage == Stage.CONNECTING) {
                return connect(nowNs);
            }
            if (stage == Stage.OPEN && key.isReadable()) {
                workCount += handler().onReadable(nowNs);
            }
            if (stage == Stage.OPEN && key.isWritable()) {
                workCount += write(nowNs);
            }
        } catch (IOException cause) {
            lose(cause.toString());
            workCount++;
        }
        return workCount;
    }

    private int connect(long nowNs) throws IOException {
        try {
            if (!channel.finishConnect()) {
                return 0;
            }
        } catch (ConnectException cause) {
            refused = true;
            throw cause;
        }
        stage = Stage.OPEN;
        setInterest();
        handler().onConnected(nowNs);
        return 1 + write(nowNs);
    }

    /** Does what was put off, without a word of the selector. */
    int onScheduled(long nowNs) {
        scheduled = false;
        if (!brokenBy.isEmpty()) {
            lose(brokenBy);
            return 1;
        }
        try {
            if (stage == Stage.CONNECTING) {
                sinceNs = nowNs;
                return channel.isConnected() ? connect(nowNs) : 0;
            }
            return stage == Stage.OPEN ? write(nowNs) : 0;
        } catch (IOException cause) {
            lose(cause.toString());
            return 1;
        }
    }

    private int write(long nowNs) throws IOException {
        if (!writeQueued()) {
            awaitWritable(true);
            return 1;
        }
        return handler().onWritable(nowNs);
    }

    /** The reason to give it up now, or an empty text. */
    String overdue(long nowNs, Sockets.Limits limits) {
        if (stage == Stage.CONNECTING) {
            return nowNs - sinceNs > limits.connectNs() ? "no connection in time" : "";
        }
        if (!greeted) {
            return nowNs - sinceNs > limits.greetingNs() ? "no greeting in time" : "";
        }
        return handler().overdue(nowNs);
    }

    /** Closes it, tells its handler, and writes a line into the log. */
    public void lose(String reason) {
        if (stage != Stage.CLOSED) {
            sockets.onLost(this, reason);
            end(reason);
        }
    }

    /** Closes it and tells its handler. */
    void end(String reason) {
        if (stage != Stage.CLOSED) {
            close();
            handler().onClosed(reason);
        }
    }

    /** Closes the socket without a word to the handler. Closing twice does nothing. */
    public void close() {
        if (stage != Stage.CLOSED) {
            stage = Stage.CLOSED;
            key.cancel();
            Sockets.closeQuietly(channel);
            sockets.forget(this);
        }
    }

    /** The address; an endpoint would give the secret away. */
    @Override
    public String toString() {
        return "peer=" + peer;
    }
}
