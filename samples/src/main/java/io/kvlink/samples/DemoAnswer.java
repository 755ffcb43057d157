// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Iterator;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A streamed answer and what is known of how it came about.
 *
 * @param text the answer
 * @param promptTokens the prompt's length
 * @param completionTokens the answer's length
 * @param stats what the decode instance says
 * @param firstTokenNs from the request to the first text, seen from here
 * @param lastTokenNs from the request to the last text
 */
record DemoAnswer(
        String text,
        int promptTokens,
        int completionTokens,
        JsonObject stats,
        long firstTokenNs,
        long lastTokenNs) {

    /**
     * Asks for a completion.
     *
     * @param client to ask with
     * @param url the proxy or an instance
     * @param body the request
     * @param onText told of each piece of text when it comes
     */
    static DemoAnswer ask(HttpClient client, String url, JsonObject body, Consumer<String> onText)
            throws InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url + "/v1/completions"))
                        .timeout(Duration.ofMinutes(2))
                        .header("Content-Type", "application/json")
                        .header("X-KvLink-Stats", "1")
                        .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                        .build();
        long startNs = System.nanoTime();
        HttpResponse<Stream<String>> response;
        try {
            response = client.send(request, HttpResponse.BodyHandlers.ofLines());
        } catch (IOException cause) {
            throw new DemoException("no answer from " + url + ": " + cause);
        }
        try (Stream<String> lines = response.body()) {
            if (response.statusCode() != 200) {
                throw new DemoException(
                        "status %d from %s: %s"
                                .formatted(
                                        response.statusCode(),
                                        url,
                                        String.join(" ", lines.toList())));
            }
            return read(lines.iterator(), startNs, onText);
        }
    }

    private static DemoAnswer read(Iterator<String> lines, long startNs, Consumer<String> onText) {
        StringBuilder text = new StringBuilder();
        JsonObject stats = new JsonObject();
        JsonObject usage = new JsonObject();
        long firstNs = 0;
        long lastNs = 0;
        while (lines.hasNext()) {
            String line = lines.next();
            if (!line.startsWith("data: {")) {
                continue;
            }
            JsonObject chunk = JsonParser.parseString(line.substring(6)).getAsJsonObject();
            if (chunk.has("error")) {
                throw new DemoException("the answer broke off: " + chunk.get("error"));
            }
            JsonArray choices = chunk.getAsJsonArray("choices");
            if (!choices.isEmpty()) {
                String piece = choices.get(0).getAsJsonObject().get("text").getAsString();
                if (!piece.isEmpty()) {
                    lastNs = System.nanoTime() - startNs;
                    firstNs = firstNs == 0 ? lastNs : firstNs;
                    text.append(piece);
                    onText.accept(piece);
                }
            }
            usage =
                    chunk.has("usage") && chunk.get("usage").isJsonObject()
                            ? chunk.getAsJsonObject("usage")
                            : usage;
            stats = chunk.has("kvlink") ? chunk.getAsJsonObject("kvlink") : stats;
        }
        return new DemoAnswer(
                text.toString(),
                usage.has("prompt_tokens") ? usage.get("prompt_tokens").getAsInt() : 0,
                usage.has("completion_tokens") ? usage.get("completion_tokens").getAsInt() : 0,
                stats,
                firstNs,
                lastNs);
    }

    /** Control address of the prefill instance; empty if there was none. */
    String prefill() {
        return address("prefill");
    }

    /** Control address of the decode instance; empty if it did everything itself. */
    String decode() {
        return address("decode");
    }

    private String address(String key) {
        return stats.has(key) ? stats.get(key).getAsString() : "";
    }

    double tpotMs() {
        return completionTokens < 2
                ? 0
                : (lastTokenNs - firstTokenNs) / 1e6 / (completionTokens - 1);
    }

    int stat(String key) {
        return stats.has(key) ? stats.get(key).getAsInt() : 0;
    }

    double statMs(String key) {
        return stats.has(key) ? stats.get(key).getAsDouble() : 0;
    }
}
