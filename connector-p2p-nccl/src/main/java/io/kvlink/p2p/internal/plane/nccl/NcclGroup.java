// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Messages that a pair sends or receives as one operation of the device. Device thread only. */
final class NcclGroup {

    /** Hears once how a group ended, on the device thread. May post, abort and close. */
    interface Listener {
        /**
         * The device is through with it: received bytes are there, the source is no longer read.
         *
         * @param group the group
         */
        void onDone(NcclGroup group);

        /**
         * The group ended without success, and its memory isn't touched any more.
         *
         * @param group the group
         * @param error why
         * @param detail the facts
         */
        void onFailed(NcclGroup group, KvError error, String detail);
    }

    enum State {
        /** Nobody but this host knows of it. */
        WAITING,
        /** NCCL was told, and is enqueueing it; or it was told to stop. */
        LAUNCHING,
        /** Group in the stream, with its end marked. */
        RUNNING,
        ENDED;

        Set<State> next() {
            return switch (this) {
                case WAITING -> EnumSet.of(LAUNCHING, ENDED);
                case LAUNCHING -> EnumSet.of(RUNNING, ENDED);
                case RUNNING -> EnumSet.of(ENDED);
                case ENDED -> EnumSet.noneOf(State.class);
            };
        }
    }

    private final NcclPair link;
    private final List<NcclMessage> messages;
    private final @Nullable CudaEvent after;
    private final CudaStream stream;
    private final CudaEvent end;
    private final Listener listener;
    private State state = State.WAITING;

    /**
     * A group.
     *
     * @param link the pair that it belongs to
     * @param messages the messages, in order
     * @param after what the device waits for before it begins; {@code null} for nothing
     * @param stream where it is to run
     * @param end to be recorded behind it; the link's lane gets it back
     * @param listener told of the end
     */
    NcclGroup(
            NcclPair link,
            List<NcclMessage> messages,
            @Nullable CudaEvent after,
            CudaStream stream,
            CudaEvent end,
            Listener listener) {
        this.link = link;
        this.messages = List.copyOf(messages);
        this.after = after;
        this.stream = stream;
        this.end = end;
        this.listener = listener;
    }

    NcclPair link() {
        return link;
    }

    /**
     * Tells NCCL, which enqueues the group by and by. Where this throws, it may do so all the same.
     *
     * @param device the device
     * @param library NCCL on it
     * @param communicator the link's, which is ready
     * @param sends whether the bytes go or come
     */
    void launch(
            CudaDevice device, NcclLibrary library, NcclCommunicator communicator, boolean sends) {
        move(State.LAUNCHING);
        if (after != null) {
            device.await(stream, after);
        }
        library.groupStart();
        try {
            for (NcclMessage message : messages) {
                if (sends) {
                    communicator.send(message.address(), message.bytes(), stream);
                } else {
                    communicator.receive(message.address(), message.bytes(), stream);
                }
            }
        } catch (KvConnectorException cause) {
            endRefused(library, cause);
            throw cause;
        }
        library.groupEnd();
    }

    private static void endRefused(NcclLibrary library, KvConnectorException cause) {
        try {
            library.groupEnd();
        } catch (KvConnectorException again) {
            cause.addSuppressed(again);
        }
    }

    /** Marks the group's end in the stream: it is enqueued, or never will be. */
    void mark(CudaDevice device) {
        device.record(end, stream);
        move(State.RUNNING);
    }

    /** True if the device is past the mark. */
    boolean isReached(CudaDevice device) {
        return device.complete(end);
    }

    /** The group is over; gives back the event that it was made with. */
    CudaEvent finish() {
        move(State.ENDED);
        return end;
    }

    Listener listener() {
        return listener;
    }

    boolean is(State asked) {
        return state == asked;
    }

    private void move(State to) {
        if (!state.next().contains(to)) {
            throw new IllegalStateException("%s from=%s to=%s".formatted(this, state, to));
        }
        state = to;
    }

    @Override
    public String toString() {
        long bytes = messages.stream().mapToLong(NcclMessage::bytes).sum();
        return "%s messages=%d bytes=%d".formatted(link, messages.size(), bytes);
    }
}
