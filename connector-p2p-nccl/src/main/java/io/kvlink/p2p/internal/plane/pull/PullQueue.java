// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Queue of parts that senders have and nobody has pulled, in the order in which they said so. Knows
 * which peers can write to the spill buffer. A group that leaves is of one link, within the lane's
 * budget, and has a free slot for each part that is spilled; nothing overtakes a part that waits
 * for a slot or for the lane. Device thread.
 */
final class PullQueue {

    /** Bytes that wait to be pulled. */
    record Waiting(PendingReceive receive, int index, long offset, long bytes, List<Long> runs) {
        boolean spilled() {
            return receive.destination(index).kind() == MemoryKind.PINNED;
        }

        /**
         * Share of a group's budget, which is for the sender's staging buffer: what travels as it
         * lies needs none, and gains by longer groups.
         */
        long weight() {
            return runs.isEmpty() ? bytes : bytes / 2;
        }

        /** The messages of a part: the sender's runs, as far as they lie in it. */
        List<Long> messages() {
            List<Long> messages = new ArrayList<>();
            long start = 0;
            for (long run : runs) {
                long end = Math.min(offset + bytes, start + run);
                long common = end - Math.max(offset, start);
                if (common > 0) {
                    messages.add(common);
                }
                start += run;
            }
            return messages;
        }
    }

    /** Describes the spill buffer to peers. */
    public interface SpillExport {
        /** The frame that a peer needs before it can write there; {@code null} if none. */
        @Nullable LinkFrame describe(SpillBuffer spill);
    }

    /** Does what the queue decides. */
    interface Puller {
        /** Pulls a group, now. */
        void pull(Link link, List<Waiting> group);

        /** Ends a receive that can't be pulled when the sender has said that it writes no more. */
        void drop(PendingReceive receive, KvError error, String detail);
    }

    private final SideChannel channel;
    private final Wire wire;
    private final SpillBuffer spill;
    private final SpillExport spillExport;
    private final PullTurns turns;
    private final Puller puller;
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private final Set<Link> spillKnown = new HashSet<>();

    PullQueue(
            SideChannel channel,
            Wire wire,
            SpillBuffer spill,
            SpillExport spillExport,
            PullTurns turns,
            Puller puller) {
        this.channel = channel;
        this.wire = wire;
        this.spill = spill;
        this.spillExport = spillExport;
        this.turns = turns;
        this.puller = puller;
    }

    /** Adds parts to be pulled together with those that follow. */
    void add(List<Waiting> parts) {
        waiting.addAll(parts);
    }

    /** Nothing more of a receive is to be pulled. */
    void remove(PendingReceive receive) {
        waiting.removeIf(each -> each.receive == receive);
    }

    /** A link has ended; another one of the same peer is told of the spill buffer anew. */
    void forget(Link link) {
        spillKnown.remove(link);
    }

    /** Pulls what waits, as far as there is room in the spill buffer and the lane. */
    void poll() {
        List<Waiting> group = new ArrayList<>();
        PendingReceive broken = null;
        KvConnectorException brokenBy = null;
        Waiting next;
        while ((next = waiting.peek()) != null) {
            Link link = next.receive.link;
            boolean fits = group.isEmpty() || group.get(0).receive.link == link;
            if (!fits || (!wire.pullsEarly() && !turns.admits(next.weight(), group.isEmpty()))) {
                if (group.isEmpty()) {
                    return;
                }
                puller.pull(group.get(0).receive.link, group);
                group = new ArrayList<>();
                continue;
            }
            if (group.isEmpty() && !wire.pullsEarly() && !turns.open(link)) {
                return;
            }
            try {
                if (next.spilled() && !maySpill(link, slotsOf(group) + 1)) {
                    break;
                }
            } catch (KvConnectorException cause) {
                broken = next.receive;
                brokenBy = cause;
                break;
            }
            waiting.remove();
            turns.add(next.weight());
            group.add(next);
        }
        if (!group.isEmpty()) {
            puller.pull(group.get(0).receive.link, group);
        }
        if (broken != null && brokenBy != null) {
            puller.drop(broken, KvError.NATIVE_CALL_FAILED, String.valueOf(brokenBy.getMessage()));
        }
    }

    // Whether there are slots, of a buffer that the link's peer knows.
    private boolean maySpill(Link link, int slots) {
        if (!spill.hasFree(slots)) {
            return false;
        }
        if (!spillKnown.contains(link)) {
            LinkFrame description = spillExport.describe(spill);
            spillKnown.add(link);
            if (description != null) {
                channel.send(link, description);
            }
        }
        return true;
    }

    private static int slotsOf(List<Waiting> group) {
        int slots = 0;
        for (Waiting each : group) {
            slots += each.spilled() ? 1 : 0;
        }
        return slots;
    }
}
