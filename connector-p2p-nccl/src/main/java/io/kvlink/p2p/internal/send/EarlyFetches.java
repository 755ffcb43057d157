// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.TransferId;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Fetches that came before their transfer: P and D are called at the same time. Bounded in number,
 * in all and for each session, and in time. Control thread only.
 */
final class EarlyFetches {

    private static final int MOST = 16_384;
    private static final int MOST_OF_A_SESSION = 1024;

    /**
     * Fetch that nobody has served yet.
     *
     * @param routes ids that the route of what it asks for may have
     */
    record Early(Session session, Frame.Fetch fetch, List<TransferId> routes, long untilNs) {}

    private final Map<TransferId, Early> fetches = new HashMap<>();

    /** Keeps a fetch; false if there are too many. */
    boolean put(Session session, Frame.Fetch fetch, List<TransferId> routes, long untilNs) {
        if (fetches.size() >= MOST || of(session) >= MOST_OF_A_SESSION) {
            return false;
        }
        fetches.put(fetch.id(), new Early(session, fetch, routes, untilNs));
        return true;
    }

    private long of(Session session) {
        return fetches.values().stream().filter(early -> early.session.equals(session)).count();
    }

    /** Takes a transfer's fetch, if there is one whose session is open. */
    Optional<Early> take(TransferId id) {
        return Optional.ofNullable(fetches.remove(id)).filter(early -> early.session.open());
    }

    /** Session of a rank that asks for a route's KV, if one does. */
    Optional<Session> asking(TransferId route) {
        Early plain = fetches.get(route);
        return Stream.concat(Stream.ofNullable(plain), fetches.values().stream())
                .filter(early -> early.routes.contains(route) && early.session.open())
                .map(Early::session)
                .findFirst();
    }

    /** Removes a fetch that its session gives up; false if there is no such fetch. */
    boolean withdraw(TransferId id, Session session) {
        Early early = fetches.get(id);
        return early != null && early.session.equals(session) && fetches.remove(id) != null;
    }

    void onSessionEnded(Session session) {
        fetches.values().removeIf(early -> early.session.equals(session));
    }

    /** Removes those that nobody has served in time. */
    void tick(long nowNs, Consumer<Early> removed) {
        for (Iterator<Early> all = fetches.values().iterator(); all.hasNext(); ) {
            Early early = all.next();
            if (early.untilNs - nowNs <= 0) {
                all.remove();
                removed.accept(early);
            }
        }
    }
}
