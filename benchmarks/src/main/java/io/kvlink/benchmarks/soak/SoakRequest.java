// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.soak;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Random;

/**
 * A completion that is asked for again and again, and always answered with the same text.
 *
 * @param prompt text of the demo model's kind
 * @param maxTokens of the answer
 * @param temperature 0 for most
 * @param seed for the others
 */
record SoakRequest(String prompt, int maxTokens, double temperature, long seed) {

    private static final List<String> NAMES =
            List.of("Mia", "Tom", "Anna", "Ben", "Lily", "Sam", "Zoe", "Max", "Ruby", "Leo");
    private static final List<String> PLACES =
            List.of(
                    "under the bed",
                    "behind the door",
                    "in the garden",
                    "near the river",
                    "on the hill",
                    "inside the barn");

    /** One like others: short and long prompts, short and long answers. */
    static SoakRequest next(Random random) {
        int facts = 1 + random.nextInt(random.nextInt(8) == 0 ? 40 : 8);
        StringBuilder prompt = new StringBuilder("Facts:");
        for (int i = 0; i < facts; i++) {
            prompt.append(' ')
                    .append(pick(NAMES, random))
                    .append(" is ")
                    .append(pick(PLACES, random))
                    .append('.');
        }
        prompt.append(" Question: Where is ").append(pick(NAMES, random)).append("? Answer:");
        boolean sampled = random.nextInt(4) == 0;
        return new SoakRequest(
                prompt.toString(),
                8 + random.nextInt(56),
                sampled ? 0.8 : 0,
                sampled ? random.nextInt(1000) : 0);
    }

    String body(boolean stream) {
        JsonObject body = new JsonObject();
        body.addProperty("prompt", prompt);
        body.addProperty("max_tokens", maxTokens);
        body.addProperty("temperature", temperature);
        body.addProperty("seed", seed);
        body.addProperty("ignore_eos", true);
        body.addProperty("stream", stream);
        return body.toString();
    }

    private static String pick(List<String> from, Random random) {
        return from.get(random.nextInt(from.size()));
    }
}
