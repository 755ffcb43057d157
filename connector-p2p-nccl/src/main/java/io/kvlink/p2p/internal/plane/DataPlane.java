// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Way of KV between nodes, in pieces: a piece is one layer of a chunk of the prompt. All methods
 * but {@link #wakeup} and the constant ones are called by the device thread only, and none but
 * {@link #idle} waits.
 *
 * <p>A receive is posted before its sender learns the ticket, so bytes never come before their
 * destination is known. Every operation ends, whatever happens, with exactly one call of its
 * listener's ending method; until then the plane may touch the operation's memory, and after it
 * never.
 */
public interface DataPlane extends AutoCloseable {

    /** The name in handshakes, configurations and logs. */
    String name();

    /** Endpoint at which peers find this plane, in its own words; sent to them in the handshake. */
    String endpoint();

    /**
     * True if what a sender has computed arrives within milliseconds. Then a consumer may begin to
     * load the first pieces while the last ones travel. Otherwise it waits for all of them, since a
     * load that waits holds up the consumer's step.
     */
    boolean arrivesSoon();

    /**
     * True if this plane can reach that endpoint: same host, same process, and so on. Called on the
     * control thread, once a handshake; may try, and remembers the answer.
     *
     * @param endpoint a peer's {@link #endpoint}
     */
    boolean reaches(String endpoint);

    /**
     * Sends one piece.
     *
     * @param op what, and to whom
     */
    void send(SendOp op);

    /**
     * Makes the destination of a ticket known.
     *
     * @param op where to put what
     */
    void receive(ReceiveOp op);

    /**
     * Gives up what has not begun and, where possible, what has, of a ticket. The operations still
     * end through their listeners, later or now.
     *
     * @param endpoint the peer's endpoint
     * @param ticket the ticket
     */
    void cancelSends(String endpoint, long ticket);

    /**
     * Gives up a receive. It still ends through its listener, later or now.
     *
     * @param ticket the ticket
     */
    void cancelReceive(long ticket);

    /**
     * The peer at this endpoint is gone: ends all operations with it as failed, and closes what was
     * open to it.
     *
     * @param endpoint the peer's endpoint
     */
    void disconnect(String endpoint);

    /**
     * Does a bounded amount of work.
     *
     * @param nowNs the time
     * @return how much was done; 0 if there was nothing to do
     */
    int poll(long nowNs);

    /**
     * Waits until there is something to do, for {@link #wakeup}, or for time to pass.
     *
     * @param maxNs how long at most
     */
    void idle(long maxNs);

    /** Ends {@link #idle}, now or the next time. From any thread. */
    void wakeup();

    /** Figures of the plane. From any thread. */
    default List<KvMetric> metrics() {
        return List.of();
    }

    /** Ends all operations as failed and closes everything. Called by the device thread, last. */
    @Override
    void close();

    /**
     * One piece on its way out.
     *
     * @param endpoint the peer's endpoint
     * @param ticket the receiver's ticket
     * @param piece the piece
     * @param source the bytes, in order
     * @param bytes how many in all
     * @param after on a device, the event that the source is complete at; {@code null} if it is
     *     complete. Stays recorded until the operation ends
     * @param listener told of the end, on the device thread
     */
    record SendOp(
            String endpoint,
            long ticket,
            int piece,
            List<MemoryRegion> source,
            long bytes,
            @Nullable CudaEvent after,
            SendListener listener) {
        public SendOp {
            source = List.copyOf(source);
        }

        /** A piece that is complete. */
        public SendOp(
                String endpoint,
                long ticket,
                int piece,
                List<MemoryRegion> source,
                long bytes,
                SendListener listener) {
            this(endpoint, ticket, piece, source, bytes, null, listener);
        }
    }

    /** Hears how a {@link SendOp} ended. */
    interface SendListener {
        /**
         * The bytes have left, and the source is no longer read.
         *
         * @param op the operation
         */
        void onSent(SendOp op);

        /**
         * The operation ended without success; the source is no longer read.
         *
         * @param op the operation
         * @param error why
         * @param detail the facts
         */
        void onSendFailed(SendOp op, KvError error, String detail);
    }

    /**
     * Neighbouring pieces on their way in.
     *
     * @param endpoint the sending peer's endpoint
     * @param ticket this node's ticket
     * @param firstPiece the first piece
     * @param destinations a region for each piece
     * @param listener told of each piece and of the end, on the device thread
     */
    record ReceiveOp(
            String endpoint,
            long ticket,
            int firstPiece,
            List<MemoryRegion> destinations,
            ReceiveListener listener) {
        public ReceiveOp {
            destinations = List.copyOf(destinations);
        }
    }

    /** Hears how a {@link ReceiveOp} goes. */
    interface ReceiveListener {
        /**
         * A piece is complete. When it is the last one, the operation has ended.
         *
         * @param op the operation
         * @param piece the piece
         */
        void onPieceReceived(ReceiveOp op, int piece);

        /**
         * The operation ended without success; its destinations are no longer written.
         *
         * @param op the operation
         * @param error why
         * @param detail the facts
         */
        void onReceiveFailed(ReceiveOp op, KvError error, String detail);
    }
}
