// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.PostedReceive;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.Connection;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads what one sender sends, straight into the destinations. Device thread.
 *
 * <pre>
 *   PREAMBLE -> HEADER -> BODY -> HEADER ...
 *                 |         | the receive was given up
 *                 v         v
 *              PARKED --> DRAIN -> HEADER       any -> CLOSED
 * </pre>
 *
 * <p>A header with an unknown ticket parks the connection until the next poll, because the ticket's
 * receive may be among the commands that came since the last one. If it is unknown even then, its
 * bytes are dropped if the receive was given up and lacks that piece; else the connection closes.
 */
final class InboundConnection implements PostedReceive.Source, Connection.Handler {

    /** No more is read from one connection in one poll, so that all get their turn. */
    private static final int BYTES_PER_POLL = 4 << 20;

    /** Nor are there more reads. */
    private static final int READS_PER_POLL = 64;

    /** No more is read into heap memory at once: it is copied by way of a buffer of this size. */
    private static final int HEAP_BYTES_PER_READ = 256 * 1024;

    private enum Stage {
        PREAMBLE,
        HEADER,
        PARKED,
        BODY,
        DRAIN,
        CLOSED
    }

    private final InboundConnections owner;
    private final Connection connection;
    private final ByteBuffer header = TcpWire.newBuffer();
    // A body's end and the next header are read at once.
    private final ByteBuffer[] bodyAndHeader = {header, header};

    private Stage stage = Stage.PREAMBLE;
    private long progressNs;
    private @Nullable Token sender;
    // How many receives were posted before the sender was known.
    private long postedBefore;
    // It has shown a ticket of its sender.
    private boolean proven;
    // The endpoint of which sender is the digest, once a receive has named it.
    private String senderEndpoint = "";

    private long ticket;
    private int piece;
    private long left;
    private @Nullable PostedReceive receive;
    private ByteBuffer body;

    InboundConnection(InboundConnections owner, Connection connection, long nowNs) {
        this.owner = owner;
        this.connection = connection;
        this.progressNs = nowNs;
        this.body = header;
    }

    @Override
    public int onReadable(long nowNs) throws IOException {
        int budget = BYTES_PER_POLL;
        int workCount = 0;
        while (budget > 0 && workCount < READS_PER_POLL && reads()) {
            int asked = askFor(budget);
            long count = read(asked);
            if (count < 0) {
                close(KvError.PEER_LOST, "the sender closed the connection");
                return workCount + 1;
            }
            if (count == 0) {
                break;
            }
            workCount++;
            progressNs = nowNs;
            budget -= (int) count;
            while (advance()) {
                // Until bytes are missing.
            }
            if (count < asked && left == 0) {
                break; // Nothing follows yet. Within a body more may have come meanwhile.
            }
        }
        return workCount;
    }

    @Override
    public int onWritable(long nowNs) {
        return 0; // Nothing goes to a sender.
    }

    private boolean reads() {
        return stage != Stage.CLOSED && stage != Stage.PARKED;
    }

    private int askFor(int most) {
        return switch (stage) {
            case PREAMBLE, HEADER -> header.remaining();
            case BODY ->
                    (int)
                            Math.min(
                                    left,
                                    body.isDirect() ? most : Math.min(most, HEAP_BYTES_PER_READ));
            case DRAIN -> (int) Math.min(left, Math.min(most, InboundConnections.SCRATCH_BYTES));
            case PARKED, CLOSED -> throw new IllegalStateException("reads in " + stage);
        };
    }

    private long read(int asked) throws IOException {
        if (stage == Stage.PREAMBLE || stage == Stage.HEADER) {
            return connection.channel().read(header);
        }
        ByteBuffer target = stage == Stage.BODY ? body : owner.scratch().clear();
        int start = target.position();
        target.limit(start + asked);
        long count;
        if (asked == left) {
            bodyAndHeader[0] = target;
            count = connection.channel().read(bodyAndHeader, 0, 2);
            bodyAndHeader[0] = header;
        } else {
            count = connection.channel().read(target);
        }
        left -= target.position() - start;
        return count;
    }

    /** Moves on if what the stage waits for is complete; true if there may be more to do. */
    private boolean advance() {
        switch (stage) {
            case PREAMBLE -> {
                if (header.hasRemaining()) {
                    return false;
                }
                onPreamble();
            }
            case HEADER -> {
                if (header.hasRemaining()) {
                    return false;
                }
                onHeader();
            }
            case BODY -> {
                if (left > 0) {
                    return false;
                }
                onBody();
            }
            case DRAIN -> {
                if (left > 0) {
                    return false;
                }
                stage = Stage.HEADER;
            }
            case PARKED, CLOSED -> {
                return false;
            }
        }
        return true;
    }

    private void onPreamble() {
        String fault = owner.preambleFault(header);
        if (!fault.isEmpty()) {
            owner.refused("a connection was refused", connection + " showed " + fault);
            close(KvError.MALFORMED_FRAME, fault);
            return;
        }
        connection.greeted();
        sender = TcpWire.sender(header);
        postedBefore = owner.receives().posted();
        awaitHeader();
        owner.onAuthenticated(this, sender);
    }

    private void awaitHeader() {
        header.clear().limit(TcpWire.HEADER_BYTES);
        stage = Stage.HEADER;
    }

    private void onHeader() {
        boolean framed = TcpWire.isHeader(header);
        piece = TcpWire.piece(header);
        ticket = TcpWire.ticket(header);
        left = TcpWire.length(header);
        awaitHeader();
        if (!framed || left < 0 || left > owner.maxPieceBytes()) {
            violated("ticket=%d piece=%d bytes=%d is no frame".formatted(ticket, piece, left));
            return;
        }
        PostedReceive posted = owner.receives().find(ticket);
        if (posted != null) {
            beginBody(posted);
        } else {
            stage = Stage.PARKED;
            connection.read(false);
            owner.onParked(this);
        }
    }

    /** Called by the next poll. */
    void unpark(long nowNs) {
        if (stage != Stage.PARKED) {
            return;
        }
        progressNs = nowNs;
        connection.read(true);
        PostedReceive posted = owner.receives().find(ticket);
        if (posted != null) {
            beginBody(posted);
        } else {
            drain();
        }
        while (advance()) {
            // The parked frame may be empty, and the next header may be here.
        }
    }

    /** Drops a frame that comes too late for its receive; no other frame is without one. */
    private void drain() {
        if (sender == null || !owner.receives().cameLate(ticket, sender)) {
            violated("ticket=%d piece=%d was granted to nobody here".formatted(ticket, piece));
            return;
        }
        stage = Stage.DRAIN;
        prove();
    }

    /** The sender has a ticket, so it is who it says. */
    private void prove() {
        if (!proven && sender != null) {
            proven = true;
            owner.onProven(this, sender, postedBefore);
        }
    }

    private void beginBody(PostedReceive posted) {
        String stranger = senderFault(posted);
        if (!stranger.isEmpty()) {
            violated("ticket=%d %s".formatted(ticket, stranger));
            return;
        }
        prove();
        if (stage == Stage.CLOSED) {
            return;
        }
        if (owner.receives().find(ticket) != posted) {
            drain(); // It ended with the sender's older connection.
            return;
        }
        String fault = posted.fault(piece, left);
        if (!fault.isEmpty()) {
            violated("ticket=%d %s".formatted(ticket, fault));
            return;
        }
        posted.ownedBy(this);
        receive = posted;
        body = posted.destination(piece).buffer();
        stage = Stage.BODY;
    }

    private String senderFault(PostedReceive posted) {
        String endpoint = posted.op().endpoint();
        if (!endpoint.equals(senderEndpoint)) {
            if (!Token.digestOf(endpoint).equals(sender)) {
                return "belongs to another sender";
            }
            senderEndpoint = endpoint;
        }
        boolean elsewhere = posted.source() != null && posted.source() != this;
        return elsewhere && proven ? "belongs to another connection" : "";
    }

    private void onBody() {
        PostedReceive complete = receive;
        receive = null;
        body = header;
        stage = Stage.HEADER;
        if (complete != null) {
            owner.receives().pieceArrived(complete, piece);
        }
    }

    @Override
    public void abandon(PostedReceive abandoned) {
        if (receive == abandoned) {
            receive = null;
            body = header;
            if (stage == Stage.BODY) {
                stage = Stage.DRAIN;
            }
        }
    }

    private void violated(String detail) {
        owner.refusedFrame(connection + " " + detail);
        close(KvError.MALFORMED_FRAME, connection + " " + detail);
    }

    @Override
    public String overdue(long nowNs) {
        boolean partial =
                stage == Stage.BODY
                        || stage == Stage.DRAIN
                        || (stage == Stage.HEADER && header.position() > 0);
        return partial && nowNs - progressNs > owner.stallTimeoutNs()
                ? "the frame stood still, ticket=%d piece=%d missing=%d"
                        .formatted(ticket, piece, left)
                : "";
    }

    @Nullable Token sender() {
        return sender;
    }

    boolean isClosed() {
        return stage == Stage.CLOSED;
    }

    void admitted() {
        connection.admitted();
    }

    @Override
    public void onClosed(String reason) {
        close(KvError.PEER_LOST, reason);
    }

    /**
     * Closes the connection. If it is its sender's, all receives of the sender end as failed,
     * whether or not a byte of them came: the sender may have seen them leave, and won't send them
     * again.
     */
    void close(KvError error, String detail) {
        close(error, detail, Long.MAX_VALUE);
    }

    /** The sender has another connection, and may have lost what it sent on this one. */
    void replaced(long postedBeforeOther) {
        close(KvError.PEER_LOST, "the sender opened another connection", postedBeforeOther);
    }

    private void close(KvError error, String detail, long numbersBelow) {
        if (stage == Stage.CLOSED) {
            return;
        }
        stage = Stage.CLOSED;
        receive = null;
        body = header;
        connection.close();
        owner.onClosed(this);
        owner.receives().failAll(each -> ends(each, numbersBelow), error, detail);
    }

    private boolean ends(PostedReceive posted, long numbersBelow) {
        return posted.source() == this
                || (proven
                        && posted.number() < numbersBelow
                        && Token.digestOf(posted.op().endpoint()).equals(sender));
    }
}
