// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Iterator;
import java.util.stream.Stream;

/** One client of a completions endpoint. One thread. */
final class SoakClient {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final String DATA = "data: ";

    private final HttpClient http =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(10))
                    .build();
    private final URI endpoint;

    /**
     * Answer to one request.
     *
     * @param tokens of a stream, else 0
     * @param firstMs until the first of them
     * @param totalMs until the end
     */
    record Answer(String text, int tokens, double firstMs, double totalMs) {}

    SoakClient(String url) {
        endpoint = URI.create(url + "/v1/completions");
    }

    /** Asks for an answer in one piece. */
    Answer whole(SoakRequest request) throws IOException, InterruptedException {
        long beganNs = System.nanoTime();
        HttpResponse<String> response =
                http.send(post(request, false), HttpResponse.BodyHandlers.ofString());
        require(response.statusCode(), response.body());
        return new Answer(text(response.body()), 0, 0, millisSince(beganNs));
    }

    /** Asks for a stream, and reads all of it. */
    Answer streamed(SoakRequest request) throws IOException, InterruptedException {
        return stream(request, Integer.MAX_VALUE);
    }

    /** Asks for a stream, and leaves after some tokens. */
    void leave(SoakRequest request, int tokens) throws IOException, InterruptedException {
        stream(request, tokens);
    }

    private Answer stream(SoakRequest request, int most) throws IOException, InterruptedException {
        long beganNs = System.nanoTime();
        double firstMs = 0;
        int tokens = 0;
        boolean done = false;
        StringBuilder text = new StringBuilder();
        HttpResponse<Stream<String>> response =
                http.send(post(request, true), HttpResponse.BodyHandlers.ofLines());
        // Closing what isn't read to its end closes the connection.
        try (Stream<String> lines = response.body()) {
            for (Iterator<String> each = lines.iterator(); tokens < most && each.hasNext(); ) {
                String line = each.next();
                require(response.statusCode(), line);
                if (!line.startsWith(DATA)) {
                    continue;
                }
                String event = line.substring(DATA.length());
                if (event.equals("[DONE]")) {
                    done = true;
                    break;
                }
                text.append(text(event));
                tokens++;
                firstMs = tokens == 1 ? millisSince(beganNs) : firstMs;
            }
        }
        if (!done && tokens < most) {
            throw new IOException("the stream ended without [DONE]: " + text);
        }
        return new Answer(text.toString(), tokens, firstMs, millisSince(beganNs));
    }

    private HttpRequest post(SoakRequest request, boolean stream) {
        return HttpRequest.newBuilder(endpoint)
                .timeout(LIMIT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(request.body(stream)))
                .build();
    }

    private static void require(int status, String body) throws IOException {
        if (status != 200) {
            throw new IOException("status=" + status + " " + body);
        }
    }

    private static String text(String json) throws IOException {
        JsonObject body = JsonParser.parseString(json).getAsJsonObject();
        if (!body.has("choices")) {
            throw new IOException(json);
        }
        return body.getAsJsonArray("choices").get(0).getAsJsonObject().get("text").getAsString();
    }

    private static double millisSince(long beganNs) {
        return (System.nanoTime() - beganNs) / 1e6;
    }
}
