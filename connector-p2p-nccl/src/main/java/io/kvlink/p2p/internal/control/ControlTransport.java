// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import io.kvlink.spi.HostPort;
import java.util.Optional;

/**
 * Carries frames between nodes. All methods but {@link #wakeup} are called by the control thread
 * only, and none but {@link #idle} waits. Frames of one link arrive in order or not at all; a link
 * doesn't say whether anybody is at its other end.
 */
public interface ControlTransport extends AutoCloseable {

    /** One conversation with one other node: what was dialled, or what dialled us. */
    interface Link {}

    /** Hears of frames. */
    interface Handler {
        /**
         * A frame has come.
         *
         * @param link on which link; frames of one link come with equal objects
         * @param bytes the frame, not checked in any way
         */
        void onFrame(Link link, byte[] bytes);
    }

    /** Address that others dial this node at. */
    HostPort address();

    /**
     * Opens a link to a node. An answer shows that it can be reached.
     *
     * @param address the other node's {@link #address}
     * @return a link of its own, until {@link #hangUp}
     */
    Link dial(HostPort address);

    /**
     * Sends a frame.
     *
     * @param link a link
     * @param frame the frame
     * @return false if the link's queue is full or the link is gone: the frame is dropped
     */
    boolean send(Link link, byte[] frame);

    /**
     * Closes a link that was dialled; forgets one that dialled us.
     *
     * @param link a link; unknown ones are ignored
     */
    void hangUp(Link link);

    /**
     * Takes frames that have come.
     *
     * @param handler told of each
     * @param most at most so many
     * @return how many
     */
    int poll(Handler handler, int most);

    /**
     * Waits for a frame, for {@link #wakeup}, or for time to pass.
     *
     * @param maxNs how long at most
     */
    void idle(long maxNs);

    /** Ends {@link #idle}, now or the next time. From any thread. */
    void wakeup();

    /** Reason why it has broken for good, if it has: a thread that ended. From any thread. */
    default Optional<String> fault() {
        return Optional.empty();
    }

    /** Closes all links. Called by the control thread, last. */
    @Override
    void close();
}
