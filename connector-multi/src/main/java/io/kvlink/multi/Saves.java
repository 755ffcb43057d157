// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Requests whose KV some parts save. The engine hears of one, once, when it has ended and all parts
 * that kept its blocks have let go of them. If none kept them, it hears when all saves have ended.
 * Any thread.
 */
final class Saves {

    private static final class Save {
        private final BitSet savers = new BitSet();
        private final BitSet owners = new BitSet();
        // Those of them that have reported.
        private final BitSet over = new BitSet();
        private boolean finished;
        private @Nullable TransferOutcome sent;

        void add(TransferOutcome outcome) {
            sent = sent == null ? outcome : sent.and(outcome);
        }

        // Blocks aren't kept for a part that only copies, and may have given up without a word.
        boolean ended() {
            return finished && (owners.isEmpty() ? all(savers) : all(owners));
        }

        boolean finishedWithoutOwners() {
            return finished && owners.isEmpty();
        }

        boolean all(BitSet parts) {
            BitSet left = (BitSet) parts.clone();
            left.andNot(over);
            return left.isEmpty();
        }
    }

    private static final int MOST_LATE = 4096;

    // In the order of their beginning.
    private final Map<String, Save> saves = new LinkedHashMap<>();
    // Requests that were reported, though some part hadn't said that its save has ended.
    private final Set<String> late = new LinkedHashSet<>();

    /** A part saves some of the request's KV. */
    synchronized void onSave(String requestId, int part) {
        saves.computeIfAbsent(requestId, id -> new Save()).savers.set(part);
    }

    /** A part no longer reads the request's blocks. */
    synchronized void onSent(int part, TransferOutcome outcome) {
        if (!late.contains(outcome.requestId())) {
            Save save = saves.computeIfAbsent(outcome.requestId(), id -> new Save());
            save.savers.set(part);
            save.over.set(part);
            save.add(outcome);
        }
    }

    /** A part's load has ended. If it kept the blocks for that alone, it has let go of them. */
    synchronized void onLoadEnded(int part, String requestId) {
        Save save = saves.get(requestId);
        if (save != null && !save.savers.get(part)) {
            save.over.set(part);
        }
    }

    /**
     * The request has ended.
     *
     * @param owners the parts that still use its blocks
     */
    synchronized void onFinished(String requestId, BitSet owners) {
        if (!owners.isEmpty() || saves.containsKey(requestId)) {
            Save save = saves.computeIfAbsent(requestId, id -> new Save());
            save.owners.or(owners);
            save.finished = true;
        }
    }

    /** Takes out what has ended, one outcome for each request. */
    synchronized List<TransferOutcome> ended() {
        List<TransferOutcome> ended = new ArrayList<>();
        for (Iterator<Map.Entry<String, Save>> all = saves.entrySet().iterator(); all.hasNext(); ) {
            Map.Entry<String, Save> entry = all.next();
            Save save = entry.getValue();
            if (save.ended()) {
                all.remove();
                if (save.sent != null) {
                    ended.add(save.sent);
                }
                if (!save.all(save.savers)) {
                    late.add(entry.getKey());
                }
            }
        }
        forget();
        return ended;
    }

    // A part that never says that its save has ended leaves no more than this behind.
    private void forget() {
        Iterator<String> oldest = late.iterator();
        while (late.size() > MOST_LATE) {
            oldest.next();
            oldest.remove();
        }
        Iterator<Save> silent = saves.values().iterator();
        for (int over = saves.size() - MOST_LATE; over > 0 && silent.hasNext(); ) {
            if (silent.next().finishedWithoutOwners()) {
                silent.remove();
                over--;
            }
        }
    }
}
