// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The order of grants where a plane runs receives strictly one after another. Grants are out to at
 * most one sender at a time and in the order of the offers; with that, and senders that post in
 * grant order, no ring of nodes can wait for itself (docs/deadlock.md). Control thread only.
 */
class Lane {

    private final int window;
    private final ArrayDeque<Inbound> queue = new ArrayDeque<>();
    private @Nullable Session holder;
    private int outstanding;

    Lane(int window) {
        this.window = window;
    }

    /** An offer has been accepted and waits for its turn. */
    void enqueue(Inbound inbound) {
        queue.add(inbound);
    }

    /** It gives up its turn. */
    void withdraw(Inbound inbound) {
        queue.remove(inbound);
    }

    /** Whose turn it is now, to be granted at once; {@code null} if it is nobody's. */
    @Nullable Inbound next() {
        Inbound head = queue.peek();
        if (head == null
                || outstanding == window
                || (holder != null && !holder.equals(head.session))) {
            return null;
        }
        queue.remove();
        holder = head.session;
        outstanding++;
        return head;
    }

    /** A grant has ended: its bytes are here, or never will be. */
    void release() {
        outstanding--;
        if (outstanding == 0) {
            holder = null;
        }
    }
}
