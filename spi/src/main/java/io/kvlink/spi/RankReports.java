// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Reports of an instance's ranks, merged into one for its scheduler. A save has ended when it has
 * ended at every rank. A load is complete when it is complete at every rank, and has failed when it
 * has ended everywhere and failed somewhere: no rank writes to the blocks any more. One thread.
 */
public final class RankReports {

    private enum Way {
        SENT,
        LOADED
    }

    private record Key(Way way, String requestId) {}

    private static final class Tally {
        private final boolean[] ended;
        private int missing;
        private TransferOutcome merged;
        private boolean failed;

        Tally(int ranks, TransferOutcome none) {
            ended = new boolean[ranks];
            missing = ranks;
            merged = none;
        }

        void add(int rank, TransferOutcome outcome, boolean failure) {
            if (ended[rank]) {
                throw new IllegalArgumentException("rank=" + rank + " reported twice: " + outcome);
            }
            ended[rank] = true;
            missing--;
            merged = merged.and(outcome);
            failed |= failure;
        }

        TransferOutcome outcome() {
            boolean silent = failed && merged.failure().isEmpty();
            return silent ? merged.toBuilder().failure(KvError.UNKNOWN, "").build() : merged;
        }
    }

    private final int ranks;
    private final Map<Key, Tally> open = new HashMap<>();

    /**
     * Merger without a report so far.
     *
     * @param ranks how many ranks report, 1 or more
     */
    public RankReports(int ranks) {
        if (ranks < 1) {
            throw new IllegalArgumentException("ranks=" + ranks);
        }
        this.ranks = ranks;
    }

    /**
     * Takes a rank's report.
     *
     * @param rank of whom, from 0
     * @param report what it said
     * @return all that has ended at every rank by now; bytes are added up, the longest time counts,
     *     and of several failures the first one is told
     * @throws IllegalArgumentException if the rank has reported one of them before
     */
    public WorkerReport merge(int rank, WorkerReport report) {
        List<TransferOutcome> sent = new ArrayList<>();
        List<TransferOutcome> loaded = new ArrayList<>();
        List<TransferOutcome> failed = new ArrayList<>();
        Consumer<TransferOutcome> ofLoad =
                outcome -> (outcome.failure().isEmpty() ? loaded : failed).add(outcome);
        report.sent().forEach(outcome -> add(Way.SENT, rank, outcome, false, sent::add));
        report.loaded().forEach(outcome -> add(Way.LOADED, rank, outcome, false, ofLoad));
        report.failedLoads().forEach(outcome -> add(Way.LOADED, rank, outcome, true, ofLoad));
        return WorkerReport.of(sent, loaded, failed);
    }

    private void add(
            Way way,
            int rank,
            TransferOutcome outcome,
            boolean failed,
            Consumer<TransferOutcome> ended) {
        Key key = new Key(way, outcome.requestId());
        Tally tally =
                open.computeIfAbsent(
                        key,
                        absent ->
                                new Tally(
                                        ranks,
                                        TransferOutcome.builder(outcome.requestId()).build()));
        tally.add(rank, outcome, failed);
        if (tally.missing == 0) {
            open.remove(key);
            ended.accept(tally.outcome());
        }
    }

    /** Number of saves and loads that some rank hasn't reported yet. */
    public int open() {
        return open.size();
    }
}
