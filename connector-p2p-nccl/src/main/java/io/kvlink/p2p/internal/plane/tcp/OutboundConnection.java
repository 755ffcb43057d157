// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.TcpEndpoint;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sends frames to one peer, in the order in which they were queued. Opened by the first of them;
 * once lost, it fails all it has and is replaced by a new one. Device thread.
 */
final class OutboundConnection implements TcpPlane.Ready {

    /** No more is written to one connection in one poll, so that all get their turn. */
    private static final int BYTES_PER_POLL = 4 << 20;

    /** Nor are there more writes. */
    private static final int WRITES_PER_POLL = 64;

    private enum Stage {
        NEW,
        CONNECTING,
        OPEN,
        CLOSED
    }

    private final OutboundConnections owner;
    private final String endpoint;
    private final TcpEndpoint peer;
    private final ArrayDeque<SendOp> queue = new ArrayDeque<>();
    private final GatheredFrame frame = new GatheredFrame();

    private Stage stage = Stage.NEW;
    private @Nullable SocketChannel channel;
    private @Nullable SelectionKey key;
    // What frame holds: an operation, or the preamble if null and not complete.
    private @Nullable SendOp current;
    private long progressNs;
    private boolean scheduled;

    OutboundConnection(OutboundConnections owner, String endpoint, TcpEndpoint peer) {
        this.owner = owner;
        this.endpoint = endpoint;
        this.peer = peer;
    }

    String endpoint() {
        return endpoint;
    }

    void send(SendOp op) {
        queue.add(op);
        if (stage == Stage.NEW || (stage == Stage.OPEN && !awaitsSocket())) {
            schedule();
        }
    }

    private void schedule() {
        if (!scheduled) {
            scheduled = true;
            owner.schedule(this);
        }
    }

    private boolean awaitsSocket() {
        return key != null && (key.interestOps() & SelectionKey.OP_WRITE) != 0;
    }

    /** Does what {@link #schedule} asked for, in the poll that follows. */
    int onScheduled(long nowNs) {
        scheduled = false;
        return switch (stage) {
            case NEW -> connect(nowNs);
            case OPEN -> write(nowNs);
            case CONNECTING, CLOSED -> 0;
        };
    }

    private int connect(long nowNs) {
        progressNs = nowNs;
        try {
            SocketChannel opened = SocketChannel.open();
            channel = opened;
            opened.configureBlocking(false);
            opened.setOption(StandardSocketOptions.TCP_NODELAY, true);
            opened.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            boolean connected = opened.connect(peer.socketAddress());
            key = opened.register(owner.selector(), SelectionKey.OP_CONNECT, this);
            stage = Stage.CONNECTING;
            return connected ? onConnected(nowNs) : 1;
        } catch (IOException | RuntimeException cause) {
            lost(cause.toString());
            return 1;
        }
    }

    private int onConnected(long nowNs) {
        stage = Stage.OPEN;
        // Nothing ever comes back, but reading is how a closed connection shows.
        key().interestOps(SelectionKey.OP_READ);
        frame.loadPreamble(peer.secret(), owner.self());
        return write(nowNs);
    }

    @Override
    public int onReady(long nowNs) {
        try {
            if (stage == Stage.CONNECTING) {
                return channel().finishConnect() ? onConnected(nowNs) : 0;
            }
            if (stage == Stage.OPEN && key().isReadable()) {
                readNothing();
            }
        } catch (IOException cause) {
            lost(cause.toString());
        }
        return stage == Stage.OPEN && key().isWritable() ? write(nowNs) : 1;
    }

    private void readNothing() throws IOException {
        ByteBuffer scratch = owner.scratch().clear();
        int count = channel().read(scratch);
        if (count != 0) {
            lost(count < 0 ? "the receiver closed the connection" : "the receiver spoke");
        }
    }

    private int write(long nowNs) {
        int budget = BYTES_PER_POLL;
        int workCount = 0;
        try {
            while (stage == Stage.OPEN && (!frame.complete() || loadNext(nowNs))) {
                if (budget <= 0 || workCount == WRITES_PER_POLL) {
                    if (!awaitsSocket()) {
                        schedule();
                    }
                    return workCount;
                }
                int most = frame.atOnce(budget);
                long count = frame.write(channel(), most);
                if (count > 0) {
                    progressNs = nowNs;
                    budget -= (int) count;
                    workCount++;
                }
                if (frame.complete()) {
                    onWritten();
                } else if (count < most) {
                    awaitSocket(true);
                    return workCount;
                }
            }
            if (stage == Stage.OPEN) {
                awaitSocket(false);
            }
        } catch (IOException cause) {
            lost(cause.toString());
        }
        return workCount;
    }

    private boolean loadNext(long nowNs) {
        for (SendOp next; (next = queue.poll()) != null; ) {
            if (next.bytes() <= owner.maxLayerBytes()) {
                current = next;
                frame.load(next);
                progressNs = nowNs;
                return true;
            }
            String detail = "bytes=%d tcp.maxLayerBytes=%d";
            next.listener()
                    .onSendFailed(
                            next,
                            KvError.TOO_LARGE,
                            detail.formatted(next.bytes(), owner.maxLayerBytes()));
        }
        return false;
    }

    private void onWritten() {
        SendOp sent = current;
        current = null;
        frame.clear();
        if (sent != null) {
            sent.listener().onSent(sent);
        }
    }

    private void awaitSocket(boolean wanted) {
        int ops = SelectionKey.OP_READ | (wanted ? SelectionKey.OP_WRITE : 0);
        if (key().interestOps() != ops) {
            key().interestOps(ops);
        }
    }

    /** Ends the ticket's operations of which no byte has left. */
    void cancel(long ticket) {
        List<SendOp> cancelled = new ArrayList<>();
        SendOp loaded = current;
        if (loaded != null && loaded.ticket() == ticket && !frame.begun()) {
            cancelled.add(loaded);
            current = null;
            frame.clear();
        }
        for (Iterator<SendOp> each = queue.iterator(); each.hasNext(); ) {
            SendOp op = each.next();
            if (op.ticket() == ticket) {
                cancelled.add(op);
                each.remove();
            }
        }
        for (SendOp op : cancelled) {
            op.listener().onSendFailed(op, KvError.CANCELLED, "ticket=" + ticket);
        }
    }

    /** The reason to give it up now, or an empty text. */
    String overdue(long nowNs) {
        return switch (stage) {
            case CONNECTING ->
                    nowNs - progressNs > owner.connectTimeoutNs() ? "no connection in time" : "";
            case OPEN ->
                    !frame.complete() && nowNs - progressNs > owner.stallTimeoutNs()
                            ? "the receiver reads nothing"
                            : "";
            case NEW, CLOSED -> "";
        };
    }

    private void lost(String reason) {
        owner.onLost(this, reason);
        close(KvError.PEER_LOST, reason);
    }

    /** Closes the connection; its operations end as failed. */
    void close(KvError error, String reason) {
        if (stage == Stage.CLOSED) {
            return;
        }
        stage = Stage.CLOSED;
        if (channel != null) {
            TcpPlane.closeQuietly(channel);
        }
        owner.onClosed(this);
        List<SendOp> unsent = new ArrayList<>();
        if (current != null) {
            unsent.add(current);
            current = null;
        }
        frame.clear();
        unsent.addAll(queue);
        queue.clear();
        String detail = this + " " + reason;
        for (SendOp op : unsent) {
            op.listener().onSendFailed(op, error, detail);
        }
    }

    /** The address; the endpoint would give the secret away. */
    @Override
    public String toString() {
        return "peer=" + peer.socketAddress();
    }

    private SocketChannel channel() {
        return checked(channel);
    }

    private SelectionKey key() {
        return checked(key);
    }

    private <T> T checked(@Nullable T opened) {
        if (opened == null) {
            throw new IllegalStateException("not open in " + stage);
        }
        return opened;
    }
}
