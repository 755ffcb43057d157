// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/**
 * Requests that an engine is about to compute in one step, in its order. A request whose load is
 * asynchronous isn't among them before the load is reported. May be empty: an engine calls an idle
 * step to let the connector report.
 */
public final class StepPlan {

    private final List<Entry> entries;

    private StepPlan(List<Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    /** Plan of these entries. */
    public static StepPlan of(List<Entry> entries) {
        return new StepPlan(entries);
    }

    /** Plan of these entries. */
    public static StepPlan of(Entry... entries) {
        return new StepPlan(List.of(entries));
    }

    /**
     * Part that one request has in a step.
     *
     * @param request the request
     * @param blocks all its blocks
     * @param computedTokens see {@link Entry#computedTokens}
     * @param scheduledTokens see {@link Entry#scheduledTokens}
     */
    public static Entry entry(
            KvRequest request, BlockTable blocks, int computedTokens, int scheduledTokens) {
        return new Entry(request, blocks, computedTokens, scheduledTokens);
    }

    /** Entries, one for each request. */
    public List<Entry> entries() {
        return entries;
    }

    @Override
    public String toString() {
        return "StepPlan" + entries;
    }

    /** Part that one request has in a step. */
    public static final class Entry {

        private final KvRequest request;
        private final BlockTable blocks;
        private final int computedTokens;
        private final int scheduledTokens;

        private Entry(
                KvRequest request, BlockTable blocks, int computedTokens, int scheduledTokens) {
            this.request = request;
            this.blocks = blocks;
            this.computedTokens = computedTokens;
            this.scheduledTokens = scheduledTokens;
        }

        /** The request. */
        public KvRequest request() {
            return request;
        }

        /** All its blocks. */
        public BlockTable blocks() {
            return blocks;
        }

        /**
         * Tokens whose KV is in the blocks before the step, or whose computation is enqueued on the
         * device's stream. Loaded ones are included, and so is a head of the prompt that the engine
         * had in a cache: a producer's connector saves that head, too.
         */
        public int computedTokens() {
            return computedTokens;
        }

        /** Tokens that the step computes behind them; 0 if it only loads. */
        public int scheduledTokens() {
            return scheduledTokens;
        }

        @Override
        public String toString() {
            return "Entry[request=%s computed=%d scheduled=%d]"
                    .formatted(request.id(), computedTokens, scheduledTokens);
        }
    }
}
