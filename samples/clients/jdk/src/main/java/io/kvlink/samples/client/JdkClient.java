// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * The JDK's own HTTP client with its default settings: {@code java JdkClient.java [ADDRESS]}. It
 * needs no library, and shows the JSON as it comes.
 */
public final class JdkClient {

    private static final PrintStream OUT = System.out;

    private final HttpClient client = HttpClient.newHttpClient();
    private final String address;

    private JdkClient(String address) {
        this.address = address;
    }

    /**
     * Runs the example.
     *
     * @param args where the server is
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        JdkClient example = new JdkClient(args.length > 0 ? args[0] : "http://127.0.0.1:10001/v1");
        example.models();
        example.completion();
        example.stream();
        example.manyAtOnce();
        example.error();
    }

    private void models() throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + "/models")).build();
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        OUT.println("models: " + response.body());
    }

    private void completion() throws IOException, InterruptedException {
        HttpRequest request =
                post(
                        "/completions",
                        """
                        {"model": "base_model", "prompt": "Once upon a time",
                         "max_tokens": 8, "temperature": 0}""");
        OUT.println("completion: " + client.send(request, BodyHandlers.ofString()).body());
    }

    /** Server-sent events, each as it arrives: a line {@code data: {…}} a token. */
    private void stream() throws IOException, InterruptedException {
        HttpRequest request =
                post(
                        "/chat/completions",
                        """
                        {"model": "base_model", "max_tokens": 8, "temperature": 0, "stream": true,
                         "messages": [{"role": "user", "content":
                           "Facts: Leo is in the attic. Question: Where is Leo? Answer:"}]}""");
        HttpResponse<Stream<String>> response = client.send(request, BodyHandlers.ofLines());
        // Closing the stream before its end cancels the answer.
        try (Stream<String> lines = response.body()) {
            lines.filter(line -> line.startsWith("data: "))
                    .map(line -> line.substring("data: ".length()))
                    .takeWhile(data -> !data.equals("[DONE]"))
                    .forEach(data -> OUT.println("event: " + data));
        }
    }

    private void manyAtOnce() {
        List<CompletableFuture<HttpResponse<String>>> answers =
                Stream.of("Once", "There was", "One day", "Leo")
                        .map(
                                prompt ->
                                        """
                                        {"model": "base_model", "prompt": "%s", "max_tokens": 4}"""
                                                .formatted(prompt))
                        .map(body -> post("/completions", body))
                        .map(request -> client.sendAsync(request, BodyHandlers.ofString()))
                        .toList();
        answers.forEach(answer -> OUT.println("at once: " + answer.join().statusCode()));
    }

    private void error() throws IOException, InterruptedException {
        HttpRequest request =
                post("/completions", "{\"model\": \"no-such-model\", \"prompt\": \"Once\"}");
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        OUT.println("error: " + response.statusCode() + " " + response.body());
    }

    private HttpRequest post(String path, String body) {
        return HttpRequest.newBuilder(URI.create(address + path))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofMinutes(1))
                .POST(BodyPublishers.ofString(body))
                .build();
    }
}
