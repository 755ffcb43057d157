// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.serving;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.kvlink.benchmarks.http.CompletionClient;
import io.kvlink.benchmarks.http.CompletionClient.Answer;
import io.kvlink.benchmarks.measure.AtOnce;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Many clients of a completions endpoint, each with a stream of its own. */
final class ServingHttp {

    private static final long DEADLINE_S = 1200;

    private final CompletionClient client;
    private final int vocabulary;
    private final Random random = new Random(2);

    ServingHttp(int port, int vocabulary) {
        client = new CompletionClient("http://127.0.0.1:" + port, Duration.ofSeconds(DEADLINE_S));
        this.vocabulary = vocabulary;
    }

    /** All clients at once, in rounds after one that isn't counted. */
    void clients(
            int clients, int prompt, int answer, boolean greedy, int rounds, ServingTable table)
            throws Exception {
        List<Double> whole = new ArrayList<>();
        List<double[]> firsts = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            List<Answer> all =
                    AtOnce.run(
                            clients,
                            DEADLINE_S,
                            number -> {
                                String body = body(prompt, answer, greedy);
                                return () -> client.stream(body, Integer.MAX_VALUE);
                            });
            if (round >= 0) {
                whole.add(rate(all));
                firsts.add(all.stream().mapToDouble(Answer::firstMs).toArray());
            }
        }
        table.printMs(
                "clients over HTTP, first token", clients, prompt + "/" + answer, firsts, whole);
    }

    private String body(int prompt, int answer, boolean greedy) {
        JsonArray ids = new JsonArray();
        random.ints(prompt, 3, vocabulary).forEach(ids::add);
        JsonObject options = new JsonObject();
        options.addProperty("include_usage", true);
        JsonObject body = new JsonObject();
        body.add("prompt", ids);
        body.addProperty("max_tokens", answer);
        body.addProperty("temperature", greedy ? 0 : 0.8);
        body.addProperty("top_p", greedy ? 1 : 0.95);
        body.addProperty("top_k", greedy ? 0 : 50);
        body.addProperty("ignore_eos", true);
        body.addProperty("stream", true);
        body.add("stream_options", options);
        return body.toString();
    }

    private static double rate(List<Answer> all) {
        long from = all.stream().mapToLong(Answer::askedNs).min().orElseThrow();
        long to = all.stream().mapToLong(Answer::lastNs).max().orElseThrow();
        return 1e9 * all.stream().mapToInt(Answer::tokens).sum() / (to - from);
    }
}
