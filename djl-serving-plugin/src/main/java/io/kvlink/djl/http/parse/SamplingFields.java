// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.sampling.SamplingParams;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The fields of a request that say how tokens are chosen. Values that the client leaves out are
 * decided when the model is known. Filled by one thread.
 */
final class SamplingFields {

    /** Most biased tokens: each is looked at for every token of the answer. */
    static final int MAX_BIASES = 1024;

    private OptionalDouble temperature = OptionalDouble.empty();
    private OptionalDouble topP = OptionalDouble.empty();
    private OptionalInt topK = OptionalInt.empty();
    private OptionalDouble repetitionPenalty = OptionalDouble.empty();
    private double minP;
    private double presencePenalty;
    private double frequencyPenalty;
    private final Map<Integer, Float> logitBias = new HashMap<>();
    private long seed = ThreadLocalRandom.current().nextLong();

    /** Reads the field if it is one of these. */
    boolean read(String name, FieldReader fields) throws IOException {
        switch (name) {
            case "temperature" -> temperature = OptionalDouble.of(fields.number(name, 0, 100));
            case "top_p" -> topP = OptionalDouble.of(positive(name, fields, 1));
            // -1 is how the field says "all"; SamplingParams says 0.
            case "top_k" ->
                    topK = OptionalInt.of(Math.max(0, fields.integer(name, -1, Integer.MAX_VALUE)));
            case "min_p" -> minP = fields.number(name, 0, 1);
            case "repetition_penalty" ->
                    repetitionPenalty = OptionalDouble.of(positive(name, fields, 1000));
            case "presence_penalty" -> presencePenalty = fields.number(name, -2, 2);
            case "frequency_penalty" -> frequencyPenalty = fields.number(name, -2, 2);
            case "logit_bias" -> readBiases(fields);
            case "seed" -> seed = fields.integer(name, Long.MIN_VALUE, Long.MAX_VALUE);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Parameters of the choice of tokens, with a model's defaults for what the client left out. */
    SamplingParams resolve(GenerationDefaults defaults, int logprobs) {
        return new SamplingParams(
                temperature.orElse(defaults.temperature().orElse(1)),
                topP.orElse(defaults.topP().orElse(1)),
                topK.orElse(defaults.topK().orElse(0)),
                minP,
                repetitionPenalty.orElse(defaults.repetitionPenalty().orElse(1)),
                presencePenalty,
                frequencyPenalty,
                logitBias,
                logprobs,
                seed);
    }

    private static double positive(String name, FieldReader fields, double max) throws IOException {
        double value = fields.number(name, 0, max);
        if (value == 0) {
            throw ApiException.refused(name, "0", "a number above 0, at most " + (long) max);
        }
        return value;
    }

    private void readBiases(FieldReader fields) throws IOException {
        fields.beginObject("logit_bias");
        while (fields.hasNext()) {
            String key = fields.name();
            int token = tokenId(key);
            if (token < 0 || logitBias.size() == MAX_BIASES) {
                throw ApiException.refused(
                        "logit_bias", key, "at most " + MAX_BIASES + " token ids from 0");
            }
            logitBias.put(token, (float) fields.number("logit_bias", -100, 100));
        }
        fields.endObject();
    }

    private static int tokenId(String key) {
        try {
            return Integer.parseInt(key);
        } catch (NumberFormatException cause) {
            return -1; // Refused by the caller, who names it.
        }
    }
}
