// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Makes tokens that were there before less likely: {@code repetition_penalty} those of the prompt
 * and of the answer, the other two those of the answer. One thread.
 */
final class Penalties {
    private static final int FIRST_ROOM = 64;

    private final SamplingParams params;
    private final Map<Integer, Integer> places = new HashMap<>();
    // Each token once, and how often the answer has it.
    private int[] tokens = new int[FIRST_ROOM];
    private int[] counts = new int[FIRST_ROOM];

    Penalties(SamplingParams params, int[] promptTokens) {
        this.params = params;
        if (params.repetitionPenalty() != 1) {
            for (int token : promptTokens) {
                place(token);
            }
        }
    }

    /** The answer has one more token. */
    void add(int token) {
        int place = place(token); // Before the array is looked at: it may become another.
        counts[place]++;
    }

    /** Leaves alone what is no finite number; what is one stays one. */
    void apply(float[] logits) {
        for (int i = 0; i < places.size(); i++) {
            float logit = logits[tokens[i]];
            if (Float.isFinite(logit)) {
                logits[tokens[i]] = penalised(logit, counts[i]);
            }
        }
    }

    private float penalised(double logit, int count) {
        double factor = params.repetitionPenalty();
        double penalised = logit > 0 ? logit / factor : logit * factor;
        penalised -= count * params.frequencyPenalty();
        penalised -= count > 0 ? params.presencePenalty() : 0;
        return (float) Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, penalised));
    }

    private int place(int token) {
        Integer known = places.putIfAbsent(token, places.size());
        if (known != null) {
            return known;
        }
        int place = places.size() - 1;
        if (place == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * place);
            counts = Arrays.copyOf(counts, 2 * place);
        }
        tokens[place] = token;
        return place;
    }
}
