// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.pull.PullQueue.Waiting;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Table of the parts that are pulled and not here, with who may still write each of them. Keeps
 * each receive's count of them. Device thread.
 */
final class PulledParts {

    /** No slot of the spill buffer: the part goes straight to its destination. */
    static final int NO_SLOT = -1;

    /** A part on its way. */
    static final class Pulled {
        final long id;
        final Waiting of;
        // The slot of the spill buffer that it goes through.
        final int slot;
        // True while our own GPU works on it: the peer has no say any more.
        private boolean ours;
        // True when the peer has said that it is here.
        private boolean landed;

        Pulled(long id, Waiting of, int slot) {
            this.id = id;
            this.of = of;
            this.slot = slot;
        }

        boolean spilled() {
            return slot != NO_SLOT;
        }

        /** Our own GPU works on it from now on. */
        void claim() {
            ours = true;
        }

        /** The peer says that it is here; false if it has said so before. */
        boolean land() {
            boolean first = !landed;
            landed = true;
            return first;
        }
    }

    private final SpillBuffer spill;
    private final Map<Long, Pulled> byId = new HashMap<>();
    private long lastId;

    PulledParts(SpillBuffer spill) {
        this.spill = spill;
    }

    /** Pulls a part, which takes a slot if it is spilled. */
    Pulled add(Waiting of) {
        Pulled pulled = new Pulled(++lastId, of, of.spilled() ? spill.take() : NO_SLOT);
        byId.put(pulled.id, pulled);
        of.receive().pulled++;
        return pulled;
    }

    @Nullable Pulled find(long id) {
        return byId.get(id);
    }

    /** Nobody works on a part any more; false if that was known. */
    boolean remove(Pulled pulled) {
        boolean known = byId.remove(pulled.id) != null;
        if (known) {
            pulled.of.receive().pulled--;
        }
        return known;
    }

    /** Forgets parts that only the peer could have written. */
    void forget(Predicate<PendingReceive> which) {
        byId.values()
                .removeIf(
                        pulled -> {
                            boolean over = which.test(pulled.of.receive()) && !pulled.ours;
                            if (over) {
                                pulled.of.receive().pulled--;
                                if (pulled.spilled()) {
                                    spill.giveBack(pulled.slot);
                                }
                            }
                            return over;
                        });
    }

    /** Forgets parts of a link that neither the peer nor the wire writes; slots drain on. */
    void onWritesEnded(Link link) {
        byId.values()
                .forEach(
                        pulled ->
                                pulled.ours &=
                                        pulled.of.receive().link != link || draining(pulled));
        forget(each -> each.link == link);
    }

    private boolean draining(Pulled pulled) {
        return pulled.spilled() && spill.draining(pulled.slot);
    }

    void clear() {
        byId.clear();
    }
}
