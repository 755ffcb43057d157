// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.answer.StatsJson;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reasons of KV that doesn't come: D computes the prompt, and its figures say why. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FailedLoadTest {

    private final int[] prompt = new Random(5).ints(30, 3, 1024).toArray();

    @Test
    void shouldSayThatTheProducerIsDead() throws IOException {
        try (Cluster cluster = new Cluster()) {
            TextGenerator decode = cluster.decode(Map.of("handshake_timeout_s", 0.3));
            TransferRoute route = Cluster.route(nobody(), Cluster.kvAddress(decode));
            assertReason(decode, ask(decode, prompt, route), route, "PEER_LOST", "peer=");
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldSayThatTheLayoutIsAnother() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of("kv_model_id", "one"));
            TextGenerator decode = cluster.decode(Map.of("kv_model_id", "other"));
            TransferRoute route =
                    Cluster.route(Cluster.kvAddress(prefill), Cluster.kvAddress(decode));
            assertReason(
                    decode, both(prefill, decode, prompt, route), route, "LAYOUT_MISMATCH", "one");
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldSayThatThePromptsDiffer() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of());
            TextGenerator decode = cluster.decode(Map.of());
            TransferRoute route =
                    Cluster.route(Cluster.kvAddress(prefill), Cluster.kvAddress(decode));
            int[] other = prompt.clone();
            other[7] ^= 1;
            assertReason(decode, both(prefill, decode, other, route), route, "PROMPT_MISMATCH", "");
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldExchangeKvOfUnequalFilesThatAreCalledCompatible(@TempDir Path dir)
            throws IOException {
        copyWithOtherBit(dir);
        Map<String, Object> named = Map.of("kv_model_id", "llama-demo-2026");
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(named);
            TextGenerator decode = cluster.decodeOf(dir, named);
            Completion answer =
                    Cluster.await(cluster.ask(prefill, decode, prompt, SamplingParams.GREEDY, 4));
            assertThat(answer.result().loadedPromptTokens()).isEqualTo(30);
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldRefuseAnotherModelIdWithBothValues() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of("kv_model_id", "llama-a"));
            TextGenerator decode =
                    cluster.decode(
                            Map.of("kv_model_id", "llama-b", "kv_load_failure_policy", "fail"));
            CompletableFuture<Completion> answer =
                    cluster.ask(prefill, decode, prompt, SamplingParams.GREEDY, 4);
            assertThatThrownBy(() -> Cluster.await(answer))
                    .hasMessageContainingAll("LAYOUT_MISMATCH", "llama-a", "llama-b");
            cluster.assertAtRest();
        }
    }

    private static Completion ask(TextGenerator worker, int[] tokens, TransferRoute route) {
        return Cluster.await(
                Cluster.submit(worker, Optional.of(route), tokens, SamplingParams.GREEDY, 4));
    }

    /** Answer of D to this test's prompt, while P computes another one or the same. */
    private Completion both(
            TextGenerator prefill, TextGenerator decode, int[] atP, TransferRoute route) {
        CompletableFuture<Completion> first =
                Cluster.submit(prefill, Optional.of(route), atP, SamplingParams.GREEDY, 1);
        Completion answer = ask(decode, prompt, route);
        Cluster.await(first);
        return answer;
    }

    private void assertReason(
            TextGenerator decode,
            Completion answer,
            TransferRoute route,
            String error,
            String detail) {
        GenerationResult result = answer.result();
        assertThat(result.computedPromptTokens()).isEqualTo(prompt.length);
        assertThat(result.transfer().map(TransferOutcome::detail).orElse(""))
                .contains(detail)
                .isNotEmpty();
        JsonObject stats = StatsJson.of(List.of(result), route.requestId());
        assertThat(stats.get("transfer_error").getAsString()).isEqualTo(error);
        assertThat(count(decode, "kvlink_kv_load_failures", error)).isEqualTo(1);
        assertThat(count(decode, "kvlink_recomputes", error)).isEqualTo(1);
    }

    private static double count(TextGenerator worker, String name, String error) {
        for (MetricSnapshot metric : worker.metrics().scrape()) {
            if (metric instanceof CounterSnapshot counter
                    && metric.getMetadata().getName().equals(name)) {
                return counter.getDataPoints().stream()
                        .filter(point -> error.equals(point.getLabels().get("error")))
                        .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
                        .sum();
            }
        }
        return 0;
    }

    private static void copyWithOtherBit(Path dir) throws IOException {
        try (var files = Files.list(Cluster.MODEL)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(
                        file, dir.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Path weights = dir.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
    }

    /** An address at which nobody listens any more. */
    private static HostPort nobody() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new HostPort("127.0.0.1", socket.getLocalPort());
        }
    }
}
