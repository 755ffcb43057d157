// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** A connector's answer to "how much of this prompt's KV can you load?". */
public sealed interface LoadDecision {

    /** Decision to load nothing: the engine computes all of the prompt. */
    Load NOTHING = new Load(0, false);

    /**
     * Decision to load some tokens.
     *
     * @param tokens how many tokens behind the ones already computed; 0 for none
     * @param async false: the load takes part in the step it is scheduled in, layer by layer; true:
     *     the blocks fill in the background, and the request may compute once {@link
     *     WorkerReport#loaded} names it
     */
    record Load(int tokens, boolean async) implements LoadDecision {
        public Load {
            if (tokens < 0) {
                throw new IllegalArgumentException("tokens=" + tokens);
            }
        }
    }

    /**
     * Decision that isn't known yet. The engine leaves the request without blocks, goes on with
     * others, and asks again in a later step. {@link KvConnectorContext#wakeup} tells an idle
     * engine when.
     */
    record AskAgain() implements LoadDecision {}

    /**
     * The KV will not come. The engine recomputes the prompt or fails the request, by {@link
     * KvLoadFailurePolicy}.
     *
     * @param error why
     * @param detail the facts as {@code key=value}
     */
    record Failed(KvError error, String detail) implements LoadDecision {}
}
