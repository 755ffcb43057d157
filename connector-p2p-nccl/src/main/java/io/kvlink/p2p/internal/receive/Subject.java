// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Arrival;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.Optional;

/** The prompt that a transfer brings a part of the KV of, and which of its layers are here. */
record Subject(TransferId id, int tokens, long digest, Part part, Arrival arrival) {

    /** Reason that a request is for another prompt, if it is. */
    Optional<Expectation.Failed> misfit(ReceiveEvent.Asked asked) {
        int asksFor = asked.request().request().transferTokens();
        boolean same = asksFor == tokens && asked.request().digest() == digest;
        if (same && !asked.request().part().equals(part)) {
            String detail = "another part of the model came";
            return Optional.of(new Expectation.Failed(KvError.LAYOUT_MISMATCH, detail));
        }
        return same ? Optional.empty() : Optional.of(differs(asksFor, tokens));
    }

    /** Reason that an offer is for another prompt or a part of this one, if it is. */
    Optional<Expectation.Failed> misfit(ReceiveEvent.Offered offered) {
        if (!samePrompt(offered)) {
            return Optional.of(differs(tokens, offered.tokens()));
        }
        String detail = "the offer is for some layers only";
        return offered.whole()
                ? Optional.empty()
                : Optional.of(new Expectation.Failed(KvError.MALFORMED_FRAME, detail));
    }

    boolean samePrompt(ReceiveEvent.Offered offered) {
        return offered.tokens() == tokens && offered.digest() == digest;
    }

    private static Expectation.Failed differs(int ours, int theirs) {
        return new Expectation.Failed(
                KvError.PROMPT_MISMATCH,
                "prompt differs: tokens=%d/%d (ours/theirs) or their ids".formatted(ours, theirs));
    }
}
