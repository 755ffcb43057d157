// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.util.HashMap;
import java.util.Map;

/**
 * Limit of the memory that is granted before anybody has computed anything for it. Half of all
 * memory is the most, so that offers never starve, and each session has so many grants at most. A
 * grant counts until its ticket ends. Control thread only.
 */
final class StandingGrants {

    private static final int MOST_OF_A_SESSION = 64;

    private final long mostBytes;
    private final Map<Long, Ticket> byNumber = new HashMap<>();
    private final Map<Session, Integer> ofSession = new HashMap<>();
    private long bytes;

    StandingGrants(long memoryBytes) {
        mostBytes = memoryBytes / 2;
    }

    boolean admits(Session session, long wantedBytes) {
        return wantedBytes <= mostBytes - bytes
                && ofSession.getOrDefault(session, 0) < MOST_OF_A_SESSION;
    }

    void add(Ticket ticket) {
        bytes += ticket.bytes();
        byNumber.put(ticket.number(), ticket);
        ofSession.merge(ticket.session(), 1, Integer::sum);
    }

    /** A ticket has ended, whether or not it was a standing grant. */
    void onEnded(long number) {
        Ticket ticket = byNumber.remove(number);
        if (ticket != null) {
            bytes -= ticket.bytes();
            ofSession.computeIfPresent(
                    ticket.session(), (session, count) -> count == 1 ? null : count - 1);
        }
    }
}
