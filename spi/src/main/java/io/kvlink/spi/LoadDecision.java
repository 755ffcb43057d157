// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Answer of a connector to "how much of this prompt's KV can you load?". An engine takes a kind
 * that it doesn't know for {@link #NOTHING}.
 */
public sealed interface LoadDecision {

    /** Decision to load nothing: the engine computes all of the prompt. */
    Load NOTHING = new Load(0, false, false);

    /**
     * Decision to load some tokens.
     *
     * @param tokens see {@link Load#tokens}, 0 or more
     * @param async see {@link Load#async}
     */
    static Load load(int tokens, boolean async) {
        return tokens == 0 ? NOTHING : new Load(tokens, async, false);
    }

    /** Decision that isn't known yet. */
    static AskAgain askAgain() {
        return AskAgain.YET;
    }

    /**
     * Decision that the KV will not come.
     *
     * @param error why
     * @param detail the facts as {@code key=value}
     */
    static Failed failed(KvError error, String detail) {
        return new Failed(error, detail);
    }

    /**
     * Decision of two ranks of one instance about the same request: each loads what both can. One
     * failure is a failure of both, and both ask again while one does.
     *
     * @param other decision of another rank
     */
    default LoadDecision and(LoadDecision other) {
        if (this instanceof Load ours && other instanceof Load theirs) {
            int tokens = Math.min(ours.tokens, theirs.tokens);
            boolean async = ours.async || theirs.async;
            boolean byTokens = ours.byTokens || theirs.byTokens;
            return tokens == 0 ? NOTHING : new Load(tokens, async, byTokens);
        }
        boolean othersCounts = this instanceof Load || other instanceof Failed;
        return othersCounts && !(this instanceof Failed) ? other : this;
    }

    /** Decision to load some tokens. */
    final class Load implements LoadDecision {

        private final int tokens;
        private final boolean async;
        private final boolean byTokens;

        private Load(int tokens, boolean async, boolean byTokens) {
            if (tokens < 0) {
                throw new IllegalArgumentException("tokens=" + tokens);
            }
            this.tokens = tokens;
            this.async = async;
            this.byTokens = byTokens;
        }

        /** Copy of this decision. See {@link #byTokens()}. */
        public Load byTokens(boolean stored) {
            return tokens == 0 ? this : new Load(tokens, async, stored);
        }

        /** Number of tokens behind the ones already computed; 0 for none. */
        public int tokens() {
            return tokens;
        }

        /**
         * False if the load takes part in the step it is scheduled in, layer by layer. True if the
         * blocks fill in the background: the request is in no step until {@link
         * WorkerReport#loaded} or {@link WorkerReport#failedLoads} names it.
         */
        public boolean async() {
            return async;
        }

        /**
         * True if a connector with peers and a store says that the store has the KV, by its tokens.
         * Another prompt may have brought it there. An engine needn't ask where a connector has
         * only peers, or only a store.
         */
        public boolean byTokens() {
            return byTokens;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Load load
                    && load.tokens == tokens
                    && load.async == async
                    && load.byTokens == byTokens;
        }

        @Override
        public int hashCode() {
            return 4 * tokens + (async ? 2 : 0) + (byTokens ? 1 : 0);
        }

        @Override
        public String toString() {
            return "Load[tokens=" + tokens + " async=" + async + " byTokens=" + byTokens + "]";
        }
    }

    /**
     * Decision that isn't known yet. The engine leaves the request without blocks, goes on with
     * others, and asks again in a later step. {@link KvConnectorContext#wakeup} tells an idle
     * engine when.
     */
    final class AskAgain implements LoadDecision {

        private static final AskAgain YET = new AskAgain();

        private AskAgain() {}

        @Override
        public String toString() {
            return "AskAgain";
        }
    }

    /**
     * Decision that the KV will not come. The engine recomputes the prompt or fails the request, by
     * {@link KvLoadFailurePolicy}. No report names it.
     */
    final class Failed implements LoadDecision {

        private final KvError error;
        private final String detail;

        private Failed(KvError error, String detail) {
            this.error = error;
            this.detail = detail;
        }

        /** Reason of the failure. */
        public KvError error() {
            return error;
        }

        /** Facts as {@code key=value}. */
        public String detail() {
            return detail;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Failed failed
                    && failed.error == error
                    && failed.detail.equals(detail);
        }

        @Override
        public int hashCode() {
            return 31 * error.hashCode() + detail.hashCode();
        }

        @Override
        public String toString() {
            return "Failed[error=" + error + " detail=" + detail + "]";
        }
    }
}
