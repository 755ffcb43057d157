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
        return new Entry(
                request, blocks, computedTokens, scheduledTokens, Entry.STORABLE_AS_COMPUTED);
    }

    /** Entries, one for each request. */
    public List<Entry> entries() {
        return entries;
    }

    /**
     * Plan as a store is to be told of it. Each entry ends with {@link Entry#storableTokens}: the
     * store knows of no tokens that it may not keep.
     */
    public StepPlan storable() {
        return entries.stream().allMatch(Entry::allStorable)
                ? this
                : of(entries.stream().map(Entry::storable).toList());
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
        private static final int STORABLE_AS_COMPUTED = Integer.MAX_VALUE;

        private final int scheduledTokens;
        private final int storableTokens;

        private Entry(
                KvRequest request,
                BlockTable blocks,
                int computedTokens,
                int scheduledTokens,
                int storableTokens) {
            this.request = request;
            this.blocks = blocks;
            this.computedTokens = computedTokens;
            this.scheduledTokens = scheduledTokens;
            this.storableTokens = storableTokens;
        }

        /**
         * Copy of this entry. An engine whose KV has other bits where a prompt ends calls this.
         *
         * @param tokens see {@link #storableTokens()}
         */
        public Entry storableTokens(int tokens) {
            if (tokens < 0) {
                throw new IllegalArgumentException("storableTokens=" + tokens);
            }
            return new Entry(request, blocks, computedTokens, scheduledTokens, tokens);
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

        /**
         * Tokens, from the first, whose KV is that of any prompt with this head, so that a store
         * may keep it under their name. By default all that are computed after this step.
         */
        public int storableTokens() {
            return Math.min(storableTokens, computedTokens + scheduledTokens);
        }

        private boolean allStorable() {
            return storableTokens() == computedTokens + scheduledTokens;
        }

        private Entry storable() {
            int computed = Math.min(computedTokens, storableTokens);
            return StepPlan.entry(request, blocks, computed, storableTokens() - computed);
        }

        @Override
        public String toString() {
            return "Entry[request=%s computed=%d scheduled=%d]"
                    .formatted(request.id(), computedTokens, scheduledTokens);
        }
    }
}
