// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

/**
 * Bounds the memory that is granted before anybody has computed anything for it: half of all, so
 * that offers never starve, and so many grants a session. Control thread only.
 */
final class StandingGrants {

    private static final int MOST_OF_A_SESSION = 64;

    private final long mostBytes;
    private long bytes;

    StandingGrants(long memoryBytes) {
        mostBytes = memoryBytes / 2;
    }

    boolean admits(Session session, long wantedBytes) {
        return wantedBytes <= mostBytes - bytes && session.standing < MOST_OF_A_SESSION;
    }

    void add(Session session, long grantedBytes) {
        bytes += grantedBytes;
        session.standing++;
    }

    void remove(Session session, long grantedBytes) {
        bytes -= grantedBytes;
        session.standing--;
    }
}
