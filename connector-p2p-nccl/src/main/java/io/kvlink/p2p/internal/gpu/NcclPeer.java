// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.cuda.NcclState;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The communicator of one link, from its making to its end. Groups are enqueued in the order in
 * which they were posted, on a stream that other links share. Device thread; nothing waits.
 */
final class NcclPeer {

    /**
     * Some messages in one direction, as one operation of the device.
     *
     * @param send the direction
     * @param messages what, in order; the peer has the same
     * @param prepare enqueues what must come before
     * @param ended told once that nothing reads or writes the messages any more: true if they have
     *     gone through
     */
    record Group(boolean send, List<Message> messages, Runnable prepare, Consumer<Boolean> ended) {}

    /**
     * Bytes in a row.
     *
     * @param address of the first one
     * @param bytes how many
     */
    record Message(long address, long bytes) {
        long end() {
            return address + bytes;
        }
    }

    private enum State {
        /** The communicator is being made. */
        MAKING,
        /** Groups may be enqueued. */
        READY,
        /** A group is being enqueued. */
        ENQUEUING,
        /** It was aborted, and may still run. */
        ABORTING,
        /** It was destroyed, or aborted and the device is past all it had. */
        ENDED
    }

    private record Posted(Group group, CudaEvent event, long sinceNs) {}

    private static final long MAKING_NS = TimeUnit.SECONDS.toNanos(30);
    // A posted group has its partner: what takes longer than this has lost it.
    private static final long GROUP_NS = TimeUnit.SECONDS.toNanos(10);

    private final CudaDevice device;
    private final NcclLibrary library;
    private final CudaStream stream;
    private final NcclCommunicator communicator;
    private final ArrayDeque<Group> waiting = new ArrayDeque<>();
    private final ArrayDeque<Posted> posted = new ArrayDeque<>();
    private final ArrayDeque<CudaEvent> events = new ArrayDeque<>();
    private final long freeBefore;
    private State state = State.MAKING;
    private @Nullable CudaEvent past;
    private long madeNs;
    private long bytes;

    NcclPeer(
            CudaDevice device,
            NcclLibrary library,
            CudaStream stream,
            byte[] uniqueId,
            int rank,
            int channels,
            long nowNs) {
        this.device = device;
        this.library = library;
        this.stream = stream;
        freeBefore = device.freeBytes();
        communicator = library.init(uniqueId, rank, channels);
        madeNs = nowNs;
    }

    /** Device memory that became less while the communicator was made: about what it takes. */
    long bytes() {
        return bytes;
    }

    void post(Group group) {
        waiting.add(group);
    }

    boolean busy() {
        return state == State.MAKING
                || state == State.ENQUEUING
                || state == State.ABORTING
                || !posted.isEmpty()
                || !waiting.isEmpty();
    }

    /** Whether the device works for it no more. */
    boolean idle() {
        return state == State.ENDED || (state == State.READY && !busy());
    }

    /**
     * Goes on.
     *
     * @return how much was done
     * @throws KvConnectorException if the communicator is of no use any more; to be aborted then
     */
    int poll(long nowNs) {
        int workCount = 0;
        if (state == State.ABORTING) {
            return pollAbort();
        }
        if (state == State.MAKING || state == State.ENQUEUING) {
            workCount += pollState(nowNs);
        }
        if (state == State.READY) {
            workCount += enqueue(nowNs);
        }
        for (Posted head; (head = posted.peek()) != null && device.complete(head.event); ) {
            posted.remove();
            events.add(head.event);
            head.group.ended.accept(true);
            workCount++;
        }
        Posted oldest = posted.peek();
        if (oldest != null) {
            requireAlive(communicator.state());
            if (nowNs - oldest.sinceNs > GROUP_NS) {
                throw failed("a group has not ended in time");
            }
        }
        return workCount;
    }

    private int pollState(long nowNs) {
        NcclState now = communicator.state();
        requireAlive(now);
        if (!now.ready()) {
            if (nowNs - madeNs > MAKING_NS) {
                throw failed(state + " takes too long");
            }
            return 0;
        }
        if (state == State.MAKING) {
            bytes = Math.max(0, freeBefore - device.freeBytes());
        } else {
            recordPosted(nowNs);
        }
        state = State.READY;
        return 1;
    }

    private int enqueue(long nowNs) {
        int workCount = 0;
        Group group;
        while (state == State.READY && (group = waiting.peek()) != null) {
            group.prepare.run();
            library.groupStart();
            try {
                for (Message message : group.messages) {
                    if (group.send) {
                        communicator.send(message.address, message.bytes, stream);
                    } else {
                        communicator.receive(message.address, message.bytes, stream);
                    }
                }
            } finally {
                library.groupEnd();
            }
            state = State.ENQUEUING;
            madeNs = nowNs;
            // The first group of a communicator takes long, the others are through at once.
            workCount += 1 + pollState(nowNs);
        }
        return workCount;
    }

    private void recordPosted(long nowNs) {
        CudaEvent pooled = events.poll();
        CudaEvent event = pooled == null ? device.newEvent() : pooled;
        device.record(event, stream);
        posted.add(new Posted(waiting.remove(), event, nowNs));
    }

    private static void requireAlive(NcclState now) {
        if (now.failed()) {
            throw failed(now.failure());
        }
    }

    private static KvConnectorException failed(String detail) {
        return new KvConnectorException(KvError.NATIVE_CALL_FAILED, "communicator: " + detail);
    }

    /** Ends the communicator whatever it does. Twice does nothing. */
    void abort() {
        if (state != State.ABORTING && state != State.ENDED) {
            state = State.ABORTING;
            communicator.abort();
        }
    }

    // The operations end, the library lets go, and then the device passes a mark behind them.
    private int pollAbort() {
        if (past == null) {
            if (!communicator.released()) {
                return 0;
            }
            past = device.newEvent();
            device.record(past, stream);
        }
        if (!device.complete(past)) {
            return 0;
        }
        end();
        return 1;
    }

    // Whoever waits for a group hears of it: nothing reads or writes its memory any more.
    private void end() {
        state = State.ENDED;
        List<Group> left = new ArrayList<>();
        posted.forEach(each -> left.add(each.group));
        left.addAll(waiting);
        posted.forEach(each -> events.add(each.event));
        posted.clear();
        waiting.clear();
        left.forEach(group -> group.ended.accept(false));
    }

    /** Begins to destroy an idle communicator, and gives all else back. */
    NcclCommunicator destroy() {
        if (state == State.READY) {
            state = State.ENDED;
            communicator.destroy();
        }
        events.forEach(CudaEvent::close);
        events.clear();
        if (past != null) {
            past.close();
            past = null;
        }
        return communicator;
    }
}
