// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.Optional;

/**
 * The prompt's KV that a transfer brings.
 *
 * @param id the transfer
 * @param tokens its length in tokens
 * @param digest the prompt's digest
 * @param arrival which layers are here; the device thread writes it too
 */
record Subject(TransferId id, int tokens, long digest, Arrival arrival) {

    /** Why a request is for another prompt, if so. */
    Optional<Expectation.Failed> misfit(ReceiveEvent.Asked asked) {
        int theirs = asked.request().request().transferTokens();
        boolean same = theirs == tokens && asked.request().digest() == digest;
        return same ? Optional.empty() : Optional.of(differs(theirs, tokens));
    }

    /** Why an offer is for another prompt, or for a part of this one, if so. */
    Optional<Expectation.Failed> misfit(ReceiveEvent.Offered offered) {
        if (!samePrompt(offered)) {
            return Optional.of(differs(tokens, offered.tokens()));
        }
        return offered.whole()
                ? Optional.empty()
                : Optional.of(
                        new Expectation.Failed(
                                KvError.MALFORMED_FRAME, "the offer is for some layers only"));
    }

    /** True if an offer is for this prompt. */
    boolean samePrompt(ReceiveEvent.Offered offered) {
        return offered.tokens() == tokens && offered.digest() == digest;
    }

    private static Expectation.Failed differs(int ours, int theirs) {
        return new Expectation.Failed(
                KvError.PROMPT_MISMATCH,
                "prompt differs: tokens=%d/%d (ours/theirs) or their ids".formatted(ours, theirs));
    }
}
