// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.util.HashMap;
import java.util.Map;

/**
 * Bounds the memory that is granted before anybody has computed anything for it: half of all, so
 * that offers never starve, and so many grants a session. Control thread only.
 */
final class StandingGrants {

    private static final int MOST_OF_A_SESSION = 64;

    private final long mostBytes;
    private final Map<Session, Integer> grants = new HashMap<>();
    private long bytes;

    StandingGrants(long memoryBytes) {
        mostBytes = memoryBytes / 2;
    }

    boolean admits(Session session, long wantedBytes) {
        return wantedBytes <= mostBytes - bytes
                && grants.getOrDefault(session, 0) < MOST_OF_A_SESSION;
    }

    void add(Session session, long grantedBytes) {
        bytes += grantedBytes;
        grants.merge(session, 1, Integer::sum);
    }

    void remove(Session session, long grantedBytes) {
        bytes -= grantedBytes;
        grants.computeIfPresent(session, (any, count) -> count == 1 ? null : count - 1);
    }
}
