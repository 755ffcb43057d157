// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Requests whose KV some parts save. The engine hears of one when it has ended and all of those
 * parts have let go of its blocks. Any thread.
 */
final class Saves {

    private static final class Save {
        private final BitSet savers = new BitSet();
        // Parts that save, or own the blocks; and those of them that have reported.
        private final BitSet busy = new BitSet();
        private final BitSet over = new BitSet();
        private boolean finished;
        private long bytes;
        private long nanos;
        private @Nullable TransferOutcome shown;

        void add(TransferOutcome outcome) {
            bytes += outcome.bytes();
            nanos = Math.max(nanos, outcome.nanos());
            if (shown == null || shown.failure().isEmpty()) {
                shown = outcome;
            }
        }

        boolean ended() {
            BitSet left = (BitSet) busy.clone();
            left.andNot(over);
            return finished && left.isEmpty();
        }

        TransferOutcome outcome(TransferOutcome one) {
            TransferOutcome.Builder merged =
                    TransferOutcome.builder(one.requestId())
                            .id(one.id())
                            .plane(one.plane())
                            .bytes(bytes)
                            .nanos(nanos);
            return merged.failure(one.failure(), one.detail()).build();
        }
    }

    private final Map<String, Save> saves = new HashMap<>();

    /** A part saves some of the request's KV. */
    synchronized void onSave(String requestId, int part) {
        Save save = saves.computeIfAbsent(requestId, id -> new Save());
        save.savers.set(part);
        save.busy.set(part);
    }

    /** A part no longer reads the request's blocks. */
    synchronized void onSent(int part, TransferOutcome outcome) {
        Save save = saves.computeIfAbsent(outcome.requestId(), id -> new Save());
        save.busy.set(part);
        save.over.set(part);
        save.add(outcome);
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
            save.busy.or(owners);
            save.finished = true;
        }
    }

    /** Takes out what has ended, one outcome for each request. */
    synchronized List<TransferOutcome> ended() {
        List<TransferOutcome> ended = new ArrayList<>();
        for (Iterator<Save> all = saves.values().iterator(); all.hasNext(); ) {
            Save save = all.next();
            if (save.ended()) {
                all.remove();
                TransferOutcome one = save.shown;
                if (one != null) {
                    ended.add(save.outcome(one));
                }
            }
        }
        return ended;
    }
}
