// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reports of an instance's ranks, merged into one for its scheduler. A save has ended when it has
 * ended at every rank. A load is complete when it is complete at every rank, and has failed when it
 * has ended everywhere and failed somewhere: no rank writes to the blocks any more.
 *
 * <p>A request that ends before its load did is {@link WorkerReport#sent} at ranks that were still
 * loading. Others have said by then how their load ended. Such a request is {@code sent} when each
 * rank has named it, in whatever list. One thread.
 */
public final class RankReports {

    private static final int MOST_LATE = 4096;

    /** Words of the ranks about one way of a request. */
    private static final class Tally {
        // Null: nothing yet.
        private final TransferOutcome[] ofRank;
        private int said;
        private boolean failed;
        private TransferOutcome merged;

        Tally(int ranks, String requestId) {
            ofRank = new TransferOutcome[ranks];
            merged = TransferOutcome.builder(requestId).build();
        }

        void add(int rank, TransferOutcome outcome, boolean failure) {
            if (ofRank[rank] != null) {
                throw new IllegalArgumentException("rank=" + rank + " reported twice: " + outcome);
            }
            ofRank[rank] = outcome;
            said++;
            merged = merged.and(outcome);
            failed |= failure;
        }

        boolean has(int rank) {
            return ofRank[rank] != null;
        }

        boolean all() {
            return said == ofRank.length;
        }

        TransferOutcome outcome() {
            boolean silent = failed && merged.failure().isEmpty();
            return silent ? merged.toBuilder().failure(KvError.UNKNOWN, "").build() : merged;
        }
    }

    private final class Request {
        private final String id;
        private Tally load;
        private Tally save;

        Request(String id) {
            this.id = id;
            load = new Tally(ranks, id);
            save = new Tally(ranks, id);
        }

        int open() {
            return (load.said > 0 ? 1 : 0) + (save.said > 0 ? 1 : 0);
        }

        boolean namedByAll() {
            for (int rank = 0; rank < ranks; rank++) {
                if (!load.has(rank) && !save.has(rank)) {
                    return false;
                }
            }
            return true;
        }

        /** Takes the load's end for the save's at ranks that have said that alone. */
        void endLoadsWithSave() {
            boolean loadFailed = load.failed;
            for (int rank = 0; rank < ranks; rank++) {
                if (!save.has(rank)) {
                    save.add(rank, load.ofRank[rank], loadFailed);
                }
            }
        }
    }

    private final int ranks;
    private final Map<String, Request> open = new HashMap<>();
    // Requests that were reported as sent, and how many ranks may still say so.
    private final Map<String, Integer> late =
            new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Integer> eldest) {
                    return size() > MOST_LATE;
                }
            };

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
        report.loaded().forEach(outcome -> addLoad(rank, outcome, false, loaded, failed, sent));
        report.failedLoads().forEach(outcome -> addLoad(rank, outcome, true, loaded, failed, sent));
        for (TransferOutcome outcome : report.sent()) {
            if (!wasLate(outcome.requestId())) {
                Request request = request(outcome);
                request.save.add(rank, outcome, false);
                end(request, sent);
            }
        }
        return WorkerReport.of(sent, loaded, failed);
    }

    private void addLoad(
            int rank,
            TransferOutcome outcome,
            boolean failure,
            List<TransferOutcome> loaded,
            List<TransferOutcome> failed,
            List<TransferOutcome> sent) {
        Request request = request(outcome);
        request.load.add(rank, outcome, failure);
        if (request.load.all()) {
            TransferOutcome ended = request.load.outcome();
            (ended.failure().isEmpty() ? loaded : failed).add(ended);
            request.load = new Tally(ranks, request.id);
        }
        end(request, sent);
    }

    private Request request(TransferOutcome outcome) {
        return open.computeIfAbsent(outcome.requestId(), Request::new);
    }

    private void end(Request request, List<TransferOutcome> sent) {
        if (request.open() == 0) {
            open.remove(request.id);
        } else if (request.save.said > 0 && request.namedByAll()) {
            int others = ranks - request.save.said;
            request.endLoadsWithSave();
            open.remove(request.id);
            sent.add(request.save.outcome());
            if (others > 0) {
                late.put(request.id, others);
            }
        }
    }

    private boolean wasLate(String requestId) {
        boolean was = late.containsKey(requestId);
        late.computeIfPresent(requestId, (id, left) -> left > 1 ? left - 1 : null);
        return was;
    }

    /** Number of saves and loads that some rank hasn't reported yet. */
    public int open() {
        return open.values().stream().mapToInt(Request::open).sum();
    }
}
