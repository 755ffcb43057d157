// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Many clients of a completions endpoint, each with a stream of its own. */
final class GpuServingHttp {

    private static final String DATA = "data: ";
    private static final long DEADLINE_S = 1200;

    private final HttpClient http =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(10))
                    .build();
    private final URI endpoint;
    private final int vocabulary;
    private final Random random = new Random(2);

    /**
     * One answer.
     *
     * @param tokens as the server counted them
     * @param firstNs when its first event came
     * @param lastNs when its stream ended
     */
    private record Answer(int tokens, long askedNs, long firstNs, long lastNs) {}

    GpuServingHttp(int port, int vocabulary) {
        endpoint = URI.create("http://127.0.0.1:" + port + "/v1/completions");
        this.vocabulary = vocabulary;
    }

    /** All clients at once, in rounds after one that isn't counted. */
    void clients(
            int clients, int prompt, int answer, boolean greedy, int rounds, GpuServingTable table)
            throws Exception {
        List<Double> whole = new ArrayList<>();
        List<double[]> firsts = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        try {
            for (int round = -1; round < rounds; round++) {
                List<Future<Answer>> started = new ArrayList<>();
                for (int client = 0; client < clients; client++) {
                    String body = body(prompt, answer, greedy);
                    started.add(threads.submit(() -> ask(body)));
                }
                List<Answer> all = new ArrayList<>();
                for (Future<Answer> each : started) {
                    all.add(each.get(DEADLINE_S, TimeUnit.SECONDS));
                }
                if (round >= 0) {
                    whole.add(rate(all));
                    firsts.add(
                            all.stream()
                                    .mapToDouble(one -> (one.firstNs() - one.askedNs()) / 1e6)
                                    .toArray());
                }
            }
        } finally {
            threads.shutdown();
        }
        table.printMs(
                "clients over HTTP, first token", clients, prompt + "/" + answer, firsts, whole);
    }

    private Answer ask(String body) throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(endpoint)
                        .timeout(Duration.ofSeconds(DEADLINE_S))
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build();
        long askedNs = System.nanoTime();
        long firstNs = 0;
        String event = "";
        HttpResponse<Stream<String>> response =
                http.send(request, HttpResponse.BodyHandlers.ofLines());
        try (Stream<String> lines = response.body()) {
            for (Iterator<String> each = lines.iterator(); each.hasNext(); ) {
                String line = each.next();
                if (response.statusCode() != 200) {
                    throw new IOException("status=" + response.statusCode() + " " + line);
                }
                if (line.startsWith(DATA) && !line.endsWith("[DONE]")) {
                    firstNs = firstNs == 0 ? System.nanoTime() : firstNs;
                    event = line;
                }
            }
        }
        // The last event has the usage, as was asked for.
        JsonObject usage =
                JsonParser.parseString(event.substring(DATA.length()))
                        .getAsJsonObject()
                        .getAsJsonObject("usage");
        return new Answer(
                usage.get("completion_tokens").getAsInt(), askedNs, firstNs, System.nanoTime());
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
