// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.http;

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
import java.util.stream.Stream;

/** Requests to a completions endpoint. Any thread. */
public final class CompletionClient {

    private static final String DATA = "data: ";

    private final HttpClient http =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(10))
                    .build();
    private final URI endpoint;
    private final Duration limit;

    /**
     * Answer to one request.
     *
     * @param events of the stream, or the whole answer as one
     * @param askedNs when the request was sent
     * @param firstNs when the first event came
     * @param lastNs when the last one had come
     */
    public record Answer(List<String> events, long askedNs, long firstNs, long lastNs) {

        /** The text of all events. */
        public String text() {
            StringBuilder text = new StringBuilder();
            for (String event : events) {
                JsonObject body = JsonParser.parseString(event).getAsJsonObject();
                if (!body.has("choices")) {
                    throw new IllegalStateException(event);
                }
                JsonArray choices = body.getAsJsonArray("choices");
                if (!choices.isEmpty()) {
                    text.append(choices.get(0).getAsJsonObject().get("text").getAsString());
                }
            }
            return text.toString();
        }

        /** Number of tokens as the server counted them, in the last event. */
        public int tokens() {
            return JsonParser.parseString(events.get(events.size() - 1))
                    .getAsJsonObject()
                    .getAsJsonObject("usage")
                    .get("completion_tokens")
                    .getAsInt();
        }

        /** Time until the first event, in ms. */
        public double firstMs() {
            return (firstNs - askedNs) / 1e6;
        }

        /** Time until the end, in ms. */
        public double totalMs() {
            return (lastNs - askedNs) / 1e6;
        }
    }

    /**
     * A client of its own connections.
     *
     * @param url of the server, without a path
     * @param limit of one request
     */
    public CompletionClient(String url, Duration limit) {
        endpoint = URI.create(url + "/v1/completions");
        this.limit = limit;
    }

    /** Asks for an answer in one piece. */
    public Answer whole(String body) throws IOException, InterruptedException {
        long askedNs = System.nanoTime();
        HttpResponse<String> response = http.send(post(body), HttpResponse.BodyHandlers.ofString());
        require(response.statusCode(), response.body());
        long nowNs = System.nanoTime();
        return new Answer(List.of(response.body()), askedNs, nowNs, nowNs);
    }

    /**
     * Asks for a stream.
     *
     * @param most events after which to leave
     */
    public Answer stream(String body, int most) throws IOException, InterruptedException {
        long askedNs = System.nanoTime();
        long firstNs = 0;
        boolean done = false;
        List<String> events = new ArrayList<>();
        HttpResponse<Stream<String>> response =
                http.send(post(body), HttpResponse.BodyHandlers.ofLines());
        // Closing what isn't read to its end closes the connection.
        try (Stream<String> lines = response.body()) {
            Iterator<String> each = lines.iterator();
            while (!done && events.size() < most && each.hasNext()) {
                String line = each.next();
                require(response.statusCode(), line);
                done = line.equals(DATA + "[DONE]");
                if (line.startsWith(DATA) && !done) {
                    firstNs = firstNs == 0 ? System.nanoTime() : firstNs;
                    events.add(line.substring(DATA.length()));
                }
            }
        }
        if (!done && events.size() < most) {
            throw new IOException("the stream ended without [DONE]: " + events);
        }
        return new Answer(events, askedNs, firstNs, System.nanoTime());
    }

    private HttpRequest post(String body) {
        return HttpRequest.newBuilder(endpoint)
                .timeout(limit)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private static void require(int status, String body) throws IOException {
        if (status != 200) {
            throw new IOException("status=" + status + " " + body);
        }
    }
}
