// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.TransferId;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Fetches that came before their transfer: P and D are called at the same time. Bounded in number,
 * in all and for each session, and in time. Control thread only.
 */
final class PendingFetches {

    private static final int MOST = 16_384;
    private static final int MOST_OF_A_SESSION = 1024;

    record Pending(Session session, Frame.Fetch fetch, long untilNs) {}

    private final Map<TransferId, Pending> fetches = new HashMap<>();

    /** Keeps a fetch; false if there are too many. */
    boolean put(Session session, Frame.Fetch fetch, long untilNs) {
        if (fetches.size() >= MOST || of(session) >= MOST_OF_A_SESSION) {
            return false;
        }
        fetches.put(fetch.id(), new Pending(session, fetch, untilNs));
        return true;
    }

    private int of(Session session) {
        int pending = 0;
        for (Pending fetch : fetches.values()) {
            pending += fetch.session.equals(session) ? 1 : 0;
        }
        return pending;
    }

    /** Takes a transfer's fetch; {@code null} if there is none whose session is open. */
    @Nullable Pending take(TransferId id) {
        Pending pending = fetches.remove(id);
        return pending != null && pending.session.open() ? pending : null;
    }

    /** Whoever fetched it gives it up; false if there is no such fetch. */
    boolean withdraw(TransferId id, Session session) {
        Pending pending = fetches.get(id);
        return pending != null && pending.session.equals(session) && fetches.remove(id) != null;
    }

    void onSessionEnded(Session session) {
        fetches.values().removeIf(fetch -> fetch.session.equals(session));
    }

    /** Removes those that nobody has served in time. */
    void tick(long nowNs, Consumer<Pending> removed) {
        for (Iterator<Pending> all = fetches.values().iterator(); all.hasNext(); ) {
            Pending fetch = all.next();
            if (fetch.untilNs - nowNs <= 0) {
                all.remove();
                removed.accept(fetch);
            }
        }
    }
}
