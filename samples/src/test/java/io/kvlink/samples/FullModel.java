// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.host.EmbeddedHost;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A worker whose only place is taken, and its queue's only one: whoever comes gets 429. */
public final class FullModel implements AutoCloseable {

    /** Name that clients ask for; not the served model's, which may be in the same JVM. */
    public static final String NAME = "full_model";

    private static final long FULL_NS = TimeUnit.SECONDS.toNanos(60);
    private static final String LONG =
            """
            {"model": "full_model", "prompt": "a", "max_tokens": 1000, "temperature": 0,
             "ignore_eos": true, "stream": true}""";

    private final EmbeddedHost worker;
    private final List<CompletableFuture<HttpResponse<InputStream>>> answers = new ArrayList<>();

    private FullModel(EmbeddedHost worker) {
        this.worker = worker;
    }

    /**
     * Starts the worker, and fills it.
     *
     * @param samples the samples directory
     */
    public static FullModel start(Path samples) throws IOException, InterruptedException {
        FullModel full =
                new FullModel(
                        ServedModel.worker(
                                samples,
                                Map.of(
                                        "model_name",
                                        NAME,
                                        "max_running",
                                        "1",
                                        "max_queued_requests",
                                        "1")));
        try {
            full.fill();
        } catch (RuntimeException | IOException | InterruptedException | AssertionError failure) {
            full.close();
            throw failure;
        }
        return full;
    }

    /** Address for clients. */
    public String url() {
        return ServedModel.url(worker);
    }

    /** Gives up what takes the places, and waits until they are free. */
    public void empty() throws IOException, InterruptedException {
        for (CompletableFuture<HttpResponse<InputStream>> answer : answers) {
            if (!answer.cancel(true)) {
                answer.join().body().close();
            }
        }
        answers.clear();
        ServedModel.assertAtRest(url());
    }

    @Override
    public void close() throws IOException, InterruptedException {
        try (worker) {
            empty();
        }
    }

    // The second one waits: its answer has no head yet.
    private void fill() throws IOException, InterruptedException {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url() + "/v1/completions"))
                        .POST(HttpRequest.BodyPublishers.ofString(LONG))
                        .build();
        for (String state : List.of("running", "waiting")) {
            answers.add(client.sendAsync(request, HttpResponse.BodyHandlers.ofInputStream()));
            long deadlineNs = System.nanoTime() + FULL_NS;
            while (count(state) == 0 && System.nanoTime() < deadlineNs) {
                LockSupport.parkNanos(1_000_000);
            }
            assertThat(count(state)).as(state).isOne();
        }
    }

    private int count(String state) throws IOException, InterruptedException {
        return ServedModel.count(url(), NAME, state);
    }
}
