// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclState;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Communicator of two ranks, for one direction between this device and a peer's. Made by a {@link
 * NcclLane}, which polls it. Device thread only; never waits.
 *
 * <p>Before it is ready, the two ends exchange a few bytes outside the lane. NCCL connects them
 * with the first ones, which takes long and holds up the stream.
 *
 * <p>When it fails, the communicator is aborted; then the device stops what runs of it and ends
 * what is still to run as soon as it is its turn. A group's memory is known to be quiet when the
 * event behind the group is reached: only then is its end told.
 */
final class NcclPair {

    private static final Logger log = LoggerFactory.getLogger(NcclPair.class);

    /** Hears how a pair goes, on the device thread. May post, abort and close. */
    interface Listener {
        /**
         * Both ends are there.
         *
         * @param link the pair
         */
        void onReady(NcclPair link);

        /**
         * The pair is gone, after all of its groups.
         *
         * @param link the pair
         * @param error why; {@link KvError#CLOSED} if it was just closed
         * @param detail the facts
         */
        void onClosed(NcclPair link, KvError error, String detail);
    }

    enum State {
        /** NCCL looks for the other end. */
        CONNECTING,
        /** The first bytes are on their way. */
        GREETING,
        READY,
        /** The communicator is to go, and with it what the device has of it. */
        ENDING,
        CLOSED;

        Set<State> next() {
            return switch (this) {
                case CONNECTING -> EnumSet.of(GREETING, ENDING);
                case GREETING -> EnumSet.of(READY, ENDING);
                case READY -> EnumSet.of(ENDING);
                case ENDING -> EnumSet.of(CLOSED);
                case CLOSED -> EnumSet.noneOf(State.class);
            };
        }
    }

    private final NcclLane lane;
    private final String peer;
    private final boolean sends;
    private final NcclCommunicator communicator;
    private final NcclGreeting greeting;
    private final Listener listener;
    private final Deque<NcclGroup> early = new ArrayDeque<>();
    private final Deque<NcclGroup> begun = new ArrayDeque<>();
    private State state = State.CONNECTING;
    // Its time runs from its first poll: whoever makes it may not know the time yet.
    private boolean polled;
    private long startNs;
    private KvError error = KvError.CLOSED;
    private String detail = "";
    private long endingPolls;
    private long endingSinceNs;

    NcclPair(
            NcclLane lane,
            String peer,
            boolean sends,
            NcclCommunicator communicator,
            long freeBytesBefore,
            Listener listener) {
        this.lane = lane;
        this.peer = peer;
        this.sends = sends;
        this.communicator = communicator;
        greeting = new NcclGreeting(lane, freeBytesBefore);
        this.listener = listener;
    }

    State state() {
        return state;
    }

    /** True if the pair isn't ending, and hasn't ended. */
    boolean isOpen() {
        return state != State.ENDING && state != State.CLOSED;
    }

    /** True if bytes go out on it, or come in. */
    boolean sends() {
        return sends;
    }

    /** True if nothing was posted that hasn't ended. */
    boolean idle() {
        return early.isEmpty() && begun.isEmpty() && !lane.waits(this);
    }

    /** Device memory that was taken, by whomever, while the pair connected; 0 before that. */
    long communicatorBytes() {
        return greeting.communicatorBytes();
    }

    /**
     * Sends or receives, once the pair is ready, behind what was posted before. The peer posts a
     * group of the same sizes.
     *
     * @param messages the bytes, at least one message
     * @param after what the device waits for before it begins, as recorded when it is enqueued;
     *     {@code null} for nothing
     * @param told hears of the end, at once if the pair has ended
     * @return the group
     */
    NcclGroup post(List<NcclMessage> messages, @Nullable CudaEvent after, NcclGroup.Listener told) {
        NcclGroup group =
                new NcclGroup(this, messages, after, lane.stream(), lane.takeEvent(), told);
        switch (state) {
            case CONNECTING, GREETING -> early.add(group);
            case READY -> lane.enqueue(group);
            case ENDING, CLOSED -> endAsFailed(group);
        }
        return group;
    }

    /** Ends the pair, without harm if it is idle. Does nothing if it has ended. */
    void close() {
        if (state == State.READY && idle()) {
            move(State.ENDING);
            communicator.destroy();
        } else {
            abort(KvError.CLOSED, "closed with operations under way");
        }
    }

    private void fail(KvConnectorException cause) {
        abort(cause.error(), String.valueOf(cause.getMessage()));
    }

    /**
     * Ends the pair and all of its groups, those that the device has a little later. Does nothing
     * if it has ended.
     *
     * @param why told to the listeners
     * @param facts likewise
     */
    void abort(KvError why, String facts) {
        if (!isOpen()) {
            return;
        }
        move(State.ENDING);
        error = why;
        detail = facts;
        communicator.abort();
        List<NcclGroup> never = new ArrayList<>(early);
        early.clear();
        never.addAll(lane.withdrawAll(this));
        never.forEach(this::endAsFailed);
    }

    int poll(long nowNs) {
        if (!polled) {
            polled = true;
            startNs = nowNs;
        }
        return switch (state) {
            case CONNECTING -> pollInit(nowNs);
            case GREETING, READY -> pollGroups(nowNs);
            case ENDING -> pollEnd(nowNs);
            case CLOSED -> 0;
        };
    }

    private int pollInit(long nowNs) {
        NcclState seen = readState();
        if (seen.failed()) {
            abort(KvError.NATIVE_CALL_FAILED, seen.failure());
        } else if (seen.ready()) {
            greet();
        } else {
            return checkInTime(nowNs);
        }
        return 1;
    }

    private int checkInTime(long nowNs) {
        boolean connecting = state == State.CONNECTING || state == State.GREETING;
        if (!connecting || nowNs - startNs <= lane.limits().connectNs()) {
            return 0;
        }
        abort(
                KvError.DEADLINE,
                "%s: not connected after %d ms; is the peer's network open to NCCL?"
                        .formatted(this, lane.limits().connectNs() / 1_000_000));
        return 1;
    }

    private NcclState readState() {
        try {
            return communicator.state();
        } catch (KvConnectorException cause) {
            return NcclState.failed(String.valueOf(cause.getMessage()));
        }
    }

    /** Exchanges the first bytes, in a stream where nobody waits for them. */
    private void greet() {
        move(State.GREETING);
        try {
            launch(greeting.begin(this, new Greeting()));
        } catch (KvConnectorException cause) {
            fail(cause);
        }
    }

    private final class Greeting implements NcclGroup.Listener {
        @Override
        public void onDone(NcclGroup group) {
            try {
                greeting.end();
            } catch (KvConnectorException cause) {
                fail(cause);
                return;
            }
            move(State.READY);
            early.forEach(lane::enqueue);
            early.clear();
            listener.onReady(NcclPair.this);
        }

        @Override
        public void onFailed(NcclGroup group, KvError why, String facts) {}
    }

    /** Tells NCCL of a group, whose turn it is in its stream. */
    void launch(NcclGroup group) {
        begun.add(group);
        try {
            group.launch(lane.device(), lane.library(), communicator, sends);
        } catch (KvConnectorException cause) {
            fail(cause);
        }
    }

    private int pollGroups(long nowNs) {
        NcclGroup last = begun.peekLast();
        if (last == null) {
            return 0;
        }
        // Before the state is read: what NCCL has given up ends like what is done.
        int reached = countReached();
        if (!isOpen()) {
            return 1;
        }
        NcclState seen = readState();
        if (seen.failed()) {
            abort(KvError.NATIVE_CALL_FAILED, seen.failure());
            return 1;
        }
        if (!seen.ready()) {
            return checkInTime(nowNs);
        }
        int workCount = reached;
        if (last.is(NcclGroup.State.LAUNCHING)) {
            mark(last);
            workCount++;
        }
        for (; reached > 0 && isOpen(); reached--) {
            NcclGroup done = begun.remove();
            end(done);
            done.listener().onDone(done);
        }
        return workCount + checkInTime(nowNs);
    }

    private int countReached() {
        int reached = 0;
        try {
            for (NcclGroup group : begun) {
                if (!group.is(NcclGroup.State.RUNNING) || !group.isReached(lane.device())) {
                    break;
                }
                reached++;
            }
            return reached;
        } catch (KvConnectorException cause) {
            fail(cause);
            return 0;
        }
    }

    /** Marks the end of a group that is enqueued. */
    private void mark(NcclGroup group) {
        try {
            group.mark(lane.device());
        } catch (KvConnectorException cause) {
            fail(cause);
        }
    }

    private int pollEnd(long nowNs) {
        boolean released = communicator.released();
        List<NcclGroup> ended = new ArrayList<>();
        for (Iterator<NcclGroup> each = begun.iterator(); each.hasNext(); ) {
            NcclGroup group = each.next();
            if (isOver(group, released)) {
                each.remove();
                ended.add(group);
            }
        }
        ended.forEach(this::endAsFailed);
        if (released && begun.isEmpty()) {
            greeting.closeOfFailed(this);
            move(State.CLOSED);
            lane.forget(this);
            listener.onClosed(this, error, detail);
            return 1;
        }
        warnOnce(nowNs);
        return ended.size();
    }

    /** True if the device is past a group of a communicator that is ending. */
    private boolean isOver(NcclGroup group, boolean released) {
        try {
            if (group.is(NcclGroup.State.LAUNCHING)) {
                // Until the communicator is released, NCCL may still enqueue it.
                if (!released) {
                    return false;
                }
                group.mark(lane.device());
            }
            return group.isReached(lane.device());
        } catch (KvConnectorException cause) {
            // The device has lost the process's work, with all that ran.
            return released;
        }
    }

    private void warnOnce(long nowNs) {
        if (endingPolls++ == 0) {
            endingSinceNs = nowNs;
        }
        if (endingSinceNs != Long.MIN_VALUE && nowNs - endingSinceNs > lane.limits().closeNs()) {
            endingSinceNs = Long.MIN_VALUE;
            log.warn("{}: doesn't end; its memory stays held. Ended because: {}", this, detail);
        }
    }

    private void endAsFailed(NcclGroup group) {
        end(group);
        group.listener().onFailed(group, error, detail);
    }

    private void end(NcclGroup group) {
        lane.forget(group);
        lane.giveBack(group.finish());
    }

    private void move(State to) {
        if (!state.next().contains(to)) {
            throw new IllegalStateException("%s from=%s to=%s".formatted(this, state, to));
        }
        state = to;
    }

    @Override
    public String toString() {
        return "peer=%s plane=nccl %s".formatted(peer, sends ? "sending" : "receiving");
    }
}
