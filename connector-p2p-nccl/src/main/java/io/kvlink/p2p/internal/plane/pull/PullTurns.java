// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import org.jspecify.annotations.Nullable;

/**
 * Turns of senders where receives run strictly one after another. Pulls are out to one sender at a
 * time, and only of what it has. So no ring of nodes can wait for itself (docs/deadlock.md). A few
 * pulls may be out together, so that the wire doesn't idle between them. Device thread.
 */
public class PullTurns {

    private static final int MOST_GROUPS = 8;

    private final long mostBytes;
    private @Nullable Link holder;
    private int partsOut;
    private int groupsOut;
    private long groupBytes;

    /**
     * A free lane.
     *
     * @param mostBytes of a group of more than one part
     */
    public PullTurns(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** True if the group that is being gathered has room for so many bytes more. */
    boolean admits(long bytes, boolean first) {
        return first || groupBytes + bytes <= mostBytes;
    }

    /** True if a group may be pulled from a sender now; begins it if so. */
    boolean open(Link link) {
        if (!mayServe(holder, link) || groupsOut >= MOST_GROUPS) {
            return false;
        }
        groupBytes = 0;
        return true;
    }

    /** The rule. A test takes it away to see that it is needed. */
    public boolean mayServe(@Nullable Link holder, Link link) {
        return holder == null || holder == link;
    }

    void add(long bytes) {
        groupBytes += bytes;
    }

    /** A group of so many parts is out. */
    void pulled(Link link, int parts) {
        holder = link;
        partsOut += parts;
        groupsOut++;
        groupBytes = 0;
    }

    /** Notes that so many parts are here. Wires end whole groups. */
    void landed(Link link, int parts) {
        if (holder != link) {
            return;
        }
        partsOut -= parts;
        groupsOut--;
        if (partsOut <= 0) {
            release();
        }
    }

    /** Gives up what is out to a sender: it will not come. */
    void forget(Link link) {
        if (holder == link) {
            release();
        }
    }

    private void release() {
        holder = null;
        partsOut = 0;
        groupsOut = 0;
    }
}
