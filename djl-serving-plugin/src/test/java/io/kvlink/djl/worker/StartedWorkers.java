// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.engine.DecoderFactory;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.djl.model.Models;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.TransferRoute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/**
 * Base of workers' tests: a tiny model, and workers of it that end with their test. A test fails if
 * a connector saw its contract broken, or if a thread is left after the last test.
 */
abstract class StartedWorkers {

    static final int P = 1001;
    static final int D = 1002;
    static final String FAKE = "{\"kv_connector\":\"Fake\",\"kv_role\":\"kv_both\"}";

    @TempDir static Path directory;
    // Of the class that is tested now.
    static Path model;

    final Wire wire = new Wire();
    final List<FakeConnector> connectors = new ArrayList<>();
    private final List<LlamaWorker> started = new ArrayList<>();

    static void writeModel(long seed) {
        model = TinyModels.write(directory.resolve("tiny"), seed);
    }

    @AfterEach
    void closeWorkers() {
        started.forEach(LlamaWorker::close);
        for (FakeConnector connector : connectors) {
            assertThat(connector.checked.violations()).isEmpty();
            assertThat(connector.checked.unfinished()).isEmpty();
            assertThat(connector.closed()).isTrue();
        }
    }

    @AfterAll
    static void shouldLeaveNoThread() {
        Threads.requireNone("kv-");
    }

    LlamaWorker worker(Map<String, Object> settings) {
        return worker(model, settings);
    }

    LlamaWorker worker(Path of, Map<String, Object> settings) {
        return started(
                LlamaWorker.start(
                        config(of, settings),
                        decoders(),
                        () -> KvConnectors.load(getClass().getClassLoader())));
    }

    LlamaWorker worker(FakeConnector connector, Map<String, Object> settings) {
        return worker(model, connector, settings);
    }

    LlamaWorker worker(Path of, FakeConnector connector, Map<String, Object> settings) {
        connectors.add(connector);
        Map<String, Object> all = new HashMap<>(settings);
        all.putIfAbsent("kv_transfer_config", FAKE);
        return started(LlamaWorker.start(config(of, all), decoders(), connector.installed()));
    }

    /** Opens the workers' decoders. */
    DecoderFactory decoders() {
        return new Models();
    }

    private LlamaWorker started(LlamaWorker worker) {
        started.add(worker);
        return worker;
    }

    private static WorkerConfig config(Path of, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.putIfAbsent("prefill_chunk", Prompts.CHUNK);
        // Answers are compared with those that a request has alone.
        all.putIfAbsent("decode_batch", "exact");
        return WorkerConfig.of(of, all);
    }

    FakeConnector prefill() {
        return new FakeConnector(wire, P, Loading.IN_STEP);
    }

    FakeConnector decode(Loading loading) {
        return new FakeConnector(wire, D, loading);
    }

    static Listening submit(LlamaWorker worker, GenerationRequest request) {
        Listening listening = new Listening();
        worker.submit(request, listening);
        return listening;
    }

    static Listening submit(
            LlamaWorker worker,
            int[] prompt,
            int maxTokens,
            SamplingParams sampling,
            Optional<TransferRoute> route) {
        return submit(worker, Prompts.request(prompt, maxTokens, sampling, route));
    }

    /** Answer of the decoder alone. */
    static List<Integer> expected(int[] prompt, int tokens, SamplingParams sampling) {
        return Prompts.expected(model, prompt, tokens, sampling, Prompts.CHUNK);
    }

    /** A request that ends after the next turn shows that all turns before have ended. */
    static void awaitAllFree(LlamaWorker worker) throws Exception {
        submit(worker, Prompts.local(Prompts.random(3, 1), 1)).result();
        requireAllFree(worker);
    }

    static void requireAllFree(LlamaWorker worker) {
        WorkerStatus status = worker.status();
        assertThat(status.freeTokens()).isEqualTo(status.totalTokens());
        assertThat(status.waiting()).isZero();
        assertThat(status.running()).isZero();
    }
}
