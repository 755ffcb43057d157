// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.socket.Connection;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sends frames to one peer, in the order in which they were queued. Dialled for the first of them;
 * once lost, it fails all it has and is replaced by a new one. Device thread.
 */
final class OutboundConnection implements Connection.Handler {

    /** No more is written to one connection in one poll, so that all get their turn. */
    private static final int BYTES_PER_POLL = 4 << 20;

    /** Nor are there more writes. */
    private static final int WRITES_PER_POLL = 64;

    private final OutboundConnections owner;
    private final String endpoint;
    private final Connection connection;
    private final ArrayDeque<SendOp> queue = new ArrayDeque<>();
    private final GatheredFrame frame = new GatheredFrame();

    // What frame holds.
    private @Nullable SendOp current;
    private long progressNs;

    /**
     * A connection that is being dialled.
     *
     * @param preamble what the peer is to read first
     */
    OutboundConnection(
            OutboundConnections owner,
            String endpoint,
            Connection connection,
            ByteBuffer preamble) {
        this.owner = owner;
        this.endpoint = endpoint;
        this.connection = connection;
        connection.queue(preamble);
    }

    String endpoint() {
        return endpoint;
    }

    void send(SendOp op) {
        queue.add(op);
        if (!connection.awaitsWritable()) {
            connection.schedule();
        }
    }

    @Override
    public void onConnected(long nowNs) {
        progressNs = nowNs;
    }

    /** Nothing ever comes back, but reading is how a closed connection shows. */
    @Override
    public int onReadable(long nowNs) throws IOException {
        int count = connection.channel().read(owner.scratch().clear());
        if (count != 0) {
            throw new IOException(
                    count < 0 ? "the receiver closed the connection" : "the receiver spoke");
        }
        return 1;
    }

    @Override
    public int onWritable(long nowNs) throws IOException {
        int budget = BYTES_PER_POLL;
        int workCount = 0;
        while (connection.isOpen() && (!frame.complete() || loadNext(nowNs))) {
            if (budget <= 0 || workCount == WRITES_PER_POLL) {
                if (!connection.awaitsWritable()) {
                    connection.schedule();
                }
                return workCount;
            }
            int most = frame.atOnce(budget);
            long count = frame.write(connection.channel(), most);
            if (count > 0) {
                progressNs = nowNs;
                budget -= (int) count;
                workCount++;
            }
            if (frame.complete()) {
                onWritten();
            } else if (count < most) {
                connection.awaitWritable(true);
                return workCount;
            }
        }
        connection.awaitWritable(false);
        return workCount;
    }

    private boolean loadNext(long nowNs) {
        for (SendOp next; (next = queue.poll()) != null; ) {
            if (next.bytes() <= owner.maxPieceBytes()) {
                current = next;
                frame.load(next);
                progressNs = nowNs;
                return true;
            }
            String detail = "bytes=%d tcp.maxPieceBytes=%d";
            next.listener()
                    .onSendFailed(
                            next,
                            KvError.TOO_LARGE,
                            detail.formatted(next.bytes(), owner.maxPieceBytes()));
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

    @Override
    public String overdue(long nowNs) {
        boolean writes = !frame.complete() || !connection.flushed();
        return writes && nowNs - progressNs > owner.stallTimeoutNs()
                ? "the receiver reads nothing"
                : "";
    }

    @Override
    public void onClosed(String reason) {
        close(KvError.PEER_LOST, reason);
    }

    /** Closes the connection; its operations end as failed. */
    void close(KvError error, String reason) {
        if (!owner.forget(this)) {
            return;
        }
        connection.close();
        List<SendOp> unsent = new ArrayList<>();
        if (current != null) {
            unsent.add(current);
            current = null;
        }
        frame.clear();
        unsent.addAll(queue);
        queue.clear();
        String detail = connection + " " + reason;
        for (SendOp op : unsent) {
            op.listener().onSendFailed(op, error, detail);
        }
    }
}
