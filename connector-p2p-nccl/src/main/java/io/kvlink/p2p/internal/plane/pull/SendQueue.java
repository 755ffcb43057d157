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
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Send queue of one link: pulls that wait for their piece, moves ready for the wire, tickets that
 * end. A move counts as moving from {@link #ready} until {@link #stopped}. A ticket's end frame
 * follows its last move. Device thread.
 */
final class SendQueue {

    // Of the tickets that ended here a link remembers so many: a pull may still be on its way.
    private static final int MOST_REMEMBERED = 4096;
    private static final int MOST_WAITING_PARTS = 1 << 20;

    private final Consumer<LinkFrame> peer;
    // Pulled, but not sent yet; by ticket and in order.
    private final Map<Long, List<PullPart>> waiting = new HashMap<>();
    private int waitingParts;
    // Matched, and not on the wire; one list for each pull.
    private final ArrayDeque<List<Move>> ready = new ArrayDeque<>();
    // Moves that are matched, and that the wire hasn't let go of; by ticket.
    private final Map<Long, Integer> moving = new HashMap<>();
    // Tickets that end here, and the frame that says so once nothing of them is moving.
    private final Map<Long, LinkFrame> ending = new LinkedHashMap<>();
    private final Set<Long> ended = new LinkedHashSet<>();

    /**
     * An empty queue.
     *
     * @param peer sends a frame on the link
     */
    SendQueue(Consumer<LinkFrame> peer) {
        this.peer = peer;
    }

    boolean hasEnded(long ticket) {
        return ended.contains(ticket) || ending.containsKey(ticket);
    }

    /** A part waits for its piece; false if too many do. */
    boolean await(PullPart part) {
        if (++waitingParts > MOST_WAITING_PARTS) {
            return false;
        }
        waiting.computeIfAbsent(part.ticket(), key -> new ArrayList<>()).add(part);
        return true;
    }

    /** The parts that wait for a piece, which is there: they wait no more. */
    List<PullPart> takeWaiting(long ticket, int piece) {
        List<PullPart> all = waiting.getOrDefault(ticket, List.of());
        List<PullPart> taken = all.stream().filter(part -> part.piece() == piece).toList();
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
        List<PullPart> dropped = waiting.remove(ticket);
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

    /** True if there is something for the wire. */
    boolean hasReady() {
        return !ready.isEmpty();
    }

    /** Takes all moves for the wire; one list for each pull. */
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

    /** Ends a ticket, which a frame says in place of an earlier one. */
    void end(long ticket, LinkFrame said) {
        ending.put(ticket, said);
    }

    /** Like {@link #end}, but keeps an earlier end frame. */
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
                peer.accept(each.getValue());
            }
        }
    }
}
