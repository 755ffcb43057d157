// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.pull.LinkFrame.Bye;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settle;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settled;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Closing links, kept until all GPU work on them has finished. A link ends in order when both sides
 * stop, let their GPU finish, and say Bye. Else it is <i>lost</i>. A lost link that was accepted
 * ends when the wire is idle here. A dialled one ends when its peer is known to write no more.
 * Device thread.
 */
final class LinkEnds {

    // Reading /proc costs some microseconds; dialling costs the peer some.
    private static final long CHECK_NS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long ASK_NS = TimeUnit.MILLISECONDS.toNanos(100);
    // A peer that doesn't answer our Bye by then is asked otherwise.
    private static final long LEAVING_NS = TimeUnit.SECONDS.toNanos(5);
    // The last thing that a plane closes is its door. A process that lives on so long after it
    // didn't close it by dying.
    private static final long DOOR_NS = TimeUnit.SECONDS.toNanos(5);

    private static final class Lost {
        final long sinceNs;
        long checkNs;
        long askNs;
        // The peer has said that it writes no more.
        boolean settled;

        Lost(long nowNs) {
            sinceNs = nowNs;
            checkNs = nowNs;
            askNs = nowNs + CHECK_NS;
        }
    }

    private final SideChannel channel;
    private final Wire wire;
    private final Consumer<Link> ended;
    private final Function<Link, @Nullable Link> redial;
    // Since when.
    private final Map<Link, Long> leaving = new LinkedHashMap<>();
    private final Map<Link, Lost> lost = new LinkedHashMap<>();
    // Accepted links whose peer wants to know that we have settled what was before them.
    private final Set<Link> asking = new HashSet<>();

    /**
     * Starts without links.
     *
     * @param ended told of links that nothing works for any more
     * @param redial makes or finds a link to a lost one's peer; {@code null} if it can't
     */
    LinkEnds(
            SideChannel channel,
            Wire wire,
            Consumer<Link> ended,
            Function<Link, @Nullable Link> redial) {
        this.channel = channel;
        this.wire = wire;
        this.ended = ended;
        this.redial = redial;
    }

    boolean isEmpty() {
        return leaving.isEmpty() && lost.isEmpty() && asking.isEmpty();
    }

    /** Begins to end a link in order; false if it is ending. */
    boolean leave(Link link, long nowNs) {
        if (link.state == Link.State.CLOSED || lost.containsKey(link)) {
            return false;
        }
        if (leaving.putIfAbsent(link, nowNs) != null) {
            return false;
        }
        link.state = Link.State.LEAVING;
        return true;
    }

    /** A link's socket is closed; false if it ends in order all the same. */
    boolean onClosed(Link link, long nowNs) {
        asking.remove(link);
        if (leaving.containsKey(link) && link.byeHeard) {
            return false;
        }
        leaving.remove(link);
        lost.put(link, new Lost(nowNs));
        return true;
    }

    /** The peer asks whether we write no more for its links before this one. */
    void onSettle(Link link) {
        asking.add(link);
    }

    /** The peer writes no more for our links before this one. */
    void onSettled(Link link) {
        link.asked = false;
        lost.forEach((each, state) -> state.settled |= isBefore(each, link));
    }

    private static boolean isBefore(Link each, Link link) {
        return each.dialled == link.dialled
                && each.endpoint.equals(link.endpoint)
                && each.number < link.number;
    }

    /** Goes on with all of them. */
    int poll(long nowNs) {
        int workCount = 0;
        for (Map.Entry<Link, Long> each : List.copyOf(leaving.entrySet())) {
            workCount += pollLeaving(each.getKey(), nowNs - each.getValue(), nowNs);
        }
        for (Map.Entry<Link, Lost> each : List.copyOf(lost.entrySet())) {
            workCount += pollLost(each.getKey(), each.getValue(), nowNs);
        }
        for (Link link : List.copyOf(asking)) {
            boolean busy =
                    Stream.concat(leaving.keySet().stream(), lost.keySet().stream())
                            .anyMatch(each -> isBefore(each, link) && !wire.idle(each));
            if (!busy) {
                asking.remove(link);
                channel.send(link, new Settled());
                workCount++;
            }
        }
        return workCount;
    }

    private int pollLeaving(Link link, long leavingNs, long nowNs) {
        if (!link.wasOpen) {
            return end(link); // The peer has never heard of it.
        }
        boolean idle = wire.idle(link);
        if (idle && !link.byeSaid) {
            link.byeSaid = true;
            channel.send(link, new Bye());
            link.flush();
        }
        boolean closed = link.state == Link.State.CLOSED;
        if (idle && link.byeHeard && (closed || (link.byeSaid && link.flushed()))) {
            return end(link);
        }
        if (leavingNs > LEAVING_NS) {
            if (!link.dialled && idle) {
                return end(link);
            }
            if (link.dialled && !closed) {
                leaving.remove(link);
                channel.close(link);
                lost.put(link, new Lost(nowNs));
                return 1;
            }
        }
        return 0;
    }

    private int pollLost(Link link, Lost state, long nowNs) {
        if (nowNs - state.checkNs < 0 || !wire.idle(link)) {
            return 0;
        }
        state.checkNs = nowNs + CHECK_NS;
        if (!link.dialled || state.settled || wire.writesNoMore(link, state.sinceNs, nowNs)) {
            return end(link);
        }
        if (nowNs - state.askNs >= 0) {
            state.askNs = nowNs + ASK_NS;
            ask(link);
        }
        return 0;
    }

    private void ask(Link link) {
        Link later = redial.apply(link);
        if (later != null && later.open() && !later.asked) {
            later.asked = true;
            channel.send(later, new Settle());
        }
    }

    /** Nobody listens where a link was dialled. */
    void onRefused(Link refused, long nowNs) {
        lost.forEach(
                (each, state) ->
                        state.settled |=
                                isBefore(each, refused) && nowNs - state.sinceNs > DOOR_NS);
    }

    private int end(Link link) {
        leaving.remove(link);
        lost.remove(link);
        asking.remove(link);
        channel.close(link);
        ended.accept(link);
        return 1;
    }

    @Override
    public String toString() {
        return "leaving=" + leaving.keySet() + " lost=" + lost.keySet();
    }
}
