// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What is to be sent on one link: the parts that were pulled before they were sent, the moves that
 * are matched and on their way, and the tickets that end here. A move counts as moving, for its
 * send and for its ticket, from {@link #ready} until {@link #stopped}; that a ticket has ended is
 * said only when nothing of it is moving. Device thread.
 */
final class Outgoing {

    // Of the tickets that ended here a link remembers so many: a pull may still be on its way.
    private static final int MOST_REMEMBERED = 4096;
    private static final int MOST_WAITING_PARTS = 1 << 20;

    private final Link link;
    private final SideChannel channel;
    // Pulled, but not sent yet; by ticket and in order.
    private final Map<Long, List<Part>> waiting = new HashMap<>();
    private int waitingParts;
    // Matched, and not on the wire; one list for each pull.
    private final ArrayDeque<List<Move>> ready = new ArrayDeque<>();
    // Moves that are matched, and that the wire hasn't let go of; by ticket.
    private final Map<Long, Integer> moving = new HashMap<>();
    // Tickets that end here, and the frame that says so once nothing of them is moving.
    private final Map<Long, LinkFrame> ending = new LinkedHashMap<>();
    private final Set<Long> ended = new LinkedHashSet<>();

    Outgoing(Link link, SideChannel channel) {
        this.link = link;
        this.channel = channel;
    }

    boolean hasEnded(long ticket) {
        return ended.contains(ticket) || ending.containsKey(ticket);
    }

    /** A part waits for its layer; false if too many do. */
    boolean await(Part part) {
        if (++waitingParts > MOST_WAITING_PARTS) {
            return false;
        }
        waiting.computeIfAbsent(part.ticket(), key -> new ArrayList<>()).add(part);
        return true;
    }

    /** The parts that wait for a layer, which is there: they wait no more. */
    List<Part> takeWaiting(long ticket, int layer) {
        List<Part> all = waiting.getOrDefault(ticket, List.of());
        List<Part> taken = all.stream().filter(part -> part.layer() == layer).toList();
        if (taken.isEmpty()) {
            return taken;
        }
        all.removeAll(taken);
        if (all.isEmpty()) {
            waiting.remove(ticket);
        }
        waitingParts -= taken.size();
        return taken;
    }

    /** Nothing of a ticket waits any more. */
    void dropWaiting(long ticket) {
        List<Part> dropped = waiting.remove(ticket);
        waitingParts -= dropped == null ? 0 : dropped.size();
    }

    void dropAllWaiting() {
        waiting.clear();
        waitingParts = 0;
    }

    /** Moves of one pull are to go on the wire. */
    void ready(List<Move> moves) {
        ready.add(moves);
        for (Move move : moves) {
            move.send().moving++;
            moving.merge(move.part().ticket(), 1, Integer::sum);
        }
    }

    /** Whether there is something for the wire. */
    boolean hasReady() {
        return !ready.isEmpty();
    }

    /** What the wire gets now; one list for each pull. */
    List<List<Move>> takeReady() {
        List<List<Move>> taken = List.copyOf(ready);
        ready.clear();
        return taken;
    }

    /** Takes moves back that the wire hasn't got. */
    void unready(Predicate<Move> which) {
        List<Move> taken = new ArrayList<>();
        for (List<Move> moves : ready) {
            moves.stream().filter(which).forEach(taken::add);
            moves.removeIf(which);
        }
        ready.removeIf(List::isEmpty);
        taken.forEach(this::stopped);
    }

    /** Nothing moves a part any more. */
    void stopped(Move move) {
        move.send().moving--;
        moving.computeIfPresent(
                move.part().ticket(), (key, count) -> count == 1 ? null : count - 1);
    }

    /** A ticket ends, which a frame says; in place of what was to say so before. */
    void end(long ticket, LinkFrame said) {
        ending.put(ticket, said);
    }

    /** The same, unless it ends already. */
    void endOnce(long ticket, LinkFrame said) {
        ending.putIfAbsent(ticket, said);
    }

    /** Says which tickets have ended now, as far as nothing of them is moving. */
    void sayEnded() {
        if (ending.isEmpty()) {
            return;
        }
        for (Map.Entry<Long, LinkFrame> each : List.copyOf(ending.entrySet())) {
            long ticket = each.getKey();
            if (!moving.containsKey(ticket)) {
                ending.remove(ticket);
                ended.add(ticket);
                if (ended.size() > MOST_REMEMBERED) {
                    ended.remove(ended.iterator().next());
                }
                channel.send(link, each.getValue());
            }
        }
    }
}
