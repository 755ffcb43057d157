// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Workers of the demo model in this JVM, each with its own connector, talking over real sockets.
 * The code is that of a process of its own, without the HTTP around it.
 */
final class Cluster implements AutoCloseable {

    static final Path MODEL = Path.of(System.getProperty("kvlink.demo.model", "model"));

    // Answers of several instances are compared.
    private static final Map<String, Object> EXACT = Map.of("decode_batch", "exact");

    private static final long REST_NS = TimeUnit.SECONDS.toNanos(60);

    private final List<TextGenerator> all = new ArrayList<>();

    static {
        // With its first channel the JDK opens a socket of its own, and keeps it.
        try (SocketChannel first = SocketChannel.open()) {
            first.configureBlocking(false);
        } catch (java.io.IOException cause) {
            throw new java.io.UncheckedIOException(cause);
        }
    }

    private final long socketsBefore = sockets();
    final List<TextGenerator> prefills = new ArrayList<>();
    final List<TextGenerator> decodes = new ArrayList<>();

    /** A worker that computes everything itself. */
    TextGenerator aggregated() {
        return aggregated(Map.of());
    }

    /** Like {@link #aggregated()}, with options that are added, or replace others. */
    TextGenerator aggregated(Map<String, Object> options) {
        Map<String, Object> values = new LinkedHashMap<>(EXACT);
        values.putAll(options);
        return add(LlamaWorker.start(WorkerConfig.of(MODEL, values), loader()));
    }

    /** A prefill worker; settings are added to its connector's, or replace them. */
    TextGenerator prefill(Map<String, Object> settings) {
        return prefill(settings, Map.of());
    }

    TextGenerator prefill(Map<String, Object> settings, Map<String, Object> options) {
        TextGenerator worker = add(worker("kv_producer", settings, options));
        prefills.add(worker);
        return worker;
    }

    /** A decode worker. */
    TextGenerator decode(Map<String, Object> settings, Map<String, Object> options) {
        TextGenerator worker = add(worker("kv_consumer", settings, options));
        decodes.add(worker);
        return worker;
    }

    TextGenerator decode(Map<String, Object> settings) {
        return decode(settings, Map.of());
    }

    /** A decode worker of another model. */
    TextGenerator decodeOf(Path model, Map<String, Object> settings) {
        TextGenerator worker = add(worker(model, "kv_consumer", settings, Map.of()));
        decodes.add(worker);
        return worker;
    }

    static TextGenerator worker(
            String role, Map<String, Object> settings, Map<String, Object> options) {
        return worker(MODEL, role, settings, options);
    }

    private static TextGenerator worker(
            Path model, String role, Map<String, Object> settings, Map<String, Object> options) {
        Map<String, Object> extra = new LinkedHashMap<>();
        Map<String, Object> transfer = new LinkedHashMap<>();
        transfer.put("kv_connector", "P2pNcclConnector");
        transfer.put("kv_role", role);
        transfer.put("kv_port", 0);
        settings.forEach(
                (key, value) -> (key.startsWith("kv_") ? transfer : extra).put(key, value));
        if ("P2pNcclConnector".equals(transfer.get("kv_connector"))) {
            ServedModel.PATIENT.forEach(extra::putIfAbsent);
        }
        transfer.put("kv_connector_extra_config", extra);
        Map<String, Object> values = new LinkedHashMap<>(EXACT);
        values.putAll(options);
        values.put("kv_transfer_config", new com.google.gson.Gson().toJson(transfer));
        return LlamaWorker.start(WorkerConfig.of(model, values), loader());
    }

    static HostPort kvAddress(TextGenerator worker) {
        return worker.status().kvAddress().orElseThrow();
    }

    /** Prefilled here, decoded there. Both are called at the same time, as the proxy does. */
    CompletableFuture<Completion> ask(
            TextGenerator prefill,
            TextGenerator decode,
            int[] prompt,
            SamplingParams sampling,
            int maxTokens,
            String... stop) {
        TransferRoute route = route(kvAddress(prefill), kvAddress(decode));
        CompletableFuture<Completion> first =
                submit(prefill, Optional.of(route), prompt, sampling, 1, stop);
        CompletableFuture<Completion> answer =
                submit(decode, Optional.of(route), prompt, sampling, maxTokens, stop);
        return first.thenCombine(
                answer,
                (computed, decoded) -> {
                    assertThat(computed.result().computedPromptTokens()).isEqualTo(prompt.length);
                    return decoded;
                });
    }

    static TransferRoute route(HostPort prefill, HostPort decode) {
        UUID id = UUID.randomUUID();
        return new TransferRoute(
                prefill,
                decode,
                new TransferId(id.getMostSignificantBits(), id.getLeastSignificantBits(), 0));
    }

    static CompletableFuture<Completion> submit(
            TextGenerator worker,
            Optional<TransferRoute> route,
            int[] prompt,
            SamplingParams sampling,
            int maxTokens,
            String... stop) {
        Collector collector = new Collector();
        String id = route.map(TransferRoute::requestId).orElse("local-" + UUID.randomUUID());
        worker.submit(
                new GenerationRequest(
                        id, route, prompt, maxTokens, 0, sampling, List.of(stop), true),
                collector);
        return collector.done;
    }

    static Completion await(CompletableFuture<Completion> future) {
        return future.orTimeout(120, TimeUnit.SECONDS).join();
    }

    /** Waits until nothing is held anywhere; fails after a deadline. */
    void assertAtRest() {
        long deadlineNs = System.nanoTime() + REST_NS;
        for (TextGenerator worker : all) {
            while (!atRest(worker.status()) && System.nanoTime() < deadlineNs) {
                LockSupport.parkNanos(1_000_000);
            }
            WorkerStatus status = worker.status();
            assertThat(status.freeTokens()).isEqualTo(status.totalTokens());
            assertThat(status.waiting() + status.running()).isZero();
            assertThat(status.ledger().map(KvLedger::idle).orElse(true)).as("%s", status).isTrue();
        }
    }

    @Override
    public void close() {
        all.forEach(TextGenerator::close);
        assertNoThreadLeft();
        assertNoSocketLeft();
    }

    /** A thread may still be on its last instructions: waits for its end, or fails. */
    static void assertNoThreadLeft() {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("kv-")) {
                try {
                    thread.join(TimeUnit.NANOSECONDS.toMillis(REST_NS));
                } catch (InterruptedException cause) {
                    throw new IllegalStateException(cause);
                }
                assertThat(thread.isAlive()).as("%s lives", thread.getName()).isFalse();
            }
        }
    }

    private void assertNoSocketLeft() {
        long deadlineNs = System.nanoTime() + REST_NS;
        while (sockets() > socketsBefore && System.nanoTime() < deadlineNs) {
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(sockets()).as("sockets").isLessThanOrEqualTo(socketsBefore);
    }

    private static long sockets() {
        long sockets = 0;
        for (java.io.File link : new java.io.File("/proc/self/fd").listFiles()) {
            try {
                boolean socket =
                        java.nio.file.Files.readSymbolicLink(link.toPath())
                                .toString()
                                .startsWith("socket:");
                sockets += socket ? 1 : 0;
            } catch (java.io.IOException gone) {
                // Closed meanwhile.
            }
        }
        return sockets;
    }

    private static boolean atRest(WorkerStatus status) {
        return status.freeTokens() == status.totalTokens()
                && status.waiting() + status.running() == 0
                && status.ledger().map(KvLedger::idle).orElse(true);
    }

    private static ClassLoader loader() {
        return Cluster.class.getClassLoader();
    }

    private TextGenerator add(TextGenerator worker) {
        all.add(worker);
        return worker;
    }

    /** Gathers one answer, on the worker's thread. */
    private static final class Collector implements GenerationListener {
        private final CompletableFuture<Completion> done = new CompletableFuture<>();
        private final List<Integer> tokens = new ArrayList<>();
        private final List<SampledToken> sampled = new ArrayList<>();
        private final StringBuilder text = new StringBuilder();

        @Override
        public void onSampled(SampledToken token, String piece, int offset) {
            sampled.add(token);
            onToken(token.id(), piece);
        }

        @Override
        public void onToken(int tokenId, String piece) {
            tokens.add(tokenId);
            text.append(piece);
        }

        @Override
        public void onFinished(GenerationResult result) {
            done.complete(
                    new Completion(
                            List.copyOf(tokens), List.copyOf(sampled), text.toString(), result));
        }

        @Override
        public void onFailed(GenerationException failure) {
            done.completeExceptionally(failure);
        }
    }
}
