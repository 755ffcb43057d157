// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Receives that were given up, whose sender may not know it yet. Each of their missing pieces may
 * come once. Bounded in number: the oldest are forgotten first. Device thread.
 */
final class EndedReceives {

    private static final int MOST = 16_384;

    private static final class Ended {
        final Token sender;
        int missing;

        Ended(Token sender, int missing) {
            this.sender = sender;
            this.missing = missing;
        }
    }

    private final Map<Long, Ended> byTicket = new LinkedHashMap<>();

    /** A receive has ended without success. */
    void add(PostedReceive receive) {
        if (receive.missing() == 0) {
            return;
        }
        byTicket.put(
                receive.op().ticket(),
                new Ended(Token.digestOf(receive.op().endpoint()), receive.missing()));
        if (byTicket.size() > MOST) {
            Iterator<Ended> oldest = byTicket.values().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    /** One missing piece comes; false if that sender can't have one under such a ticket. */
    boolean takePiece(long ticket, Token sender) {
        Ended ended = byTicket.get(ticket);
        if (ended == null || !ended.sender.matches(sender)) {
            return false;
        }
        ended.missing--;
        if (ended.missing == 0) {
            byTicket.remove(ticket);
        }
        return true;
    }
}
