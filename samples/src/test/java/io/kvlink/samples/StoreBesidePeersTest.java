// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferRoute;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Instances that exchange KV with peers and keep it in a store, each in one of its own. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class StoreBesidePeersTest {

    private static final int CHUNK = 32;
    private static final int BLOCK = 16;
    private static final int ANSWER = 8;

    private final int[] prompt = new Random(11).ints(150, 10, 1000).toArray();

    @TempDir Path atP;
    @TempDir Path atD;

    @Test
    void shouldStoreNoKvOfAPeerWhereBitsCount() {
        List<Integer> expected = alone();
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(both(atP), options("exact"));
            TextGenerator decode = cluster.decode(both(atD), options("exact"));
            assertThat(answer(cluster, prefill, decode).tokens()).isEqualTo(expected);
            cluster.assertAtRest();
            assertThat(files(atP)).as("whole chunks").isEqualTo(128 / BLOCK);
            assertThat(files(atD)).isZero();
            Completion stored = answer(prefill);
            assertThat(stored.result().loadedPromptTokens()).isEqualTo(128);
            assertThat(stored.tokens()).isEqualTo(expected);
            Completion computed = answer(decode);
            assertThat(computed.result().loadedPromptTokens()).isZero();
            assertThat(computed.tokens()).isEqualTo(expected);
            cluster.assertAtRest();
            assertThat(files(atD)).isEqualTo(128 / BLOCK);
        }
    }

    @Test
    void shouldSendPeersWhatAStoreHad() {
        List<Integer> expected = alone();
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(both(atP), options("exact"));
            TextGenerator decode = cluster.decode(both(atD), options("exact"));
            answer(prefill);
            cluster.assertAtRest();
            TransferRoute route =
                    Cluster.route(Cluster.kvAddress(prefill), Cluster.kvAddress(decode));
            CompletableFuture<Completion> first = submit(prefill, Optional.of(route), 1);
            CompletableFuture<Completion> second = submit(decode, Optional.of(route), ANSWER);
            assertThat(Cluster.await(first).result().loadedPromptTokens()).isEqualTo(128);
            assertThat(Cluster.await(second).result().loadedPromptTokens())
                    .isEqualTo(prompt.length);
            assertThat(Cluster.await(second).tokens()).isEqualTo(expected);
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldLoadWholeChunksOfAStoreWhereThePeerIsGone() {
        int[] shorter = Arrays.copyOf(prompt, 1 + 3 * BLOCK);
        try (Cluster cluster = new Cluster()) {
            TextGenerator decode = cluster.decode(both(atD), options("exact"));
            List<Integer> expected =
                    Cluster.await(
                                    Cluster.submit(
                                            cluster.aggregated(options("exact")),
                                            Optional.empty(),
                                            shorter,
                                            SamplingParams.GREEDY,
                                            ANSWER))
                            .tokens();
            answer(decode);
            cluster.assertAtRest();
            HostPort gone = new HostPort("127.0.0.1", 1);
            TransferRoute route = Cluster.route(gone, Cluster.kvAddress(decode));
            Completion answer =
                    Cluster.await(
                            Cluster.submit(
                                    decode,
                                    Optional.of(route),
                                    shorter,
                                    SamplingParams.GREEDY,
                                    ANSWER));
            assertThat(answer.result().loadedPromptTokens()).isEqualTo(CHUNK);
            assertThat(answer.tokens()).isEqualTo(expected);
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldStoreKvOfAPeerElsewhere() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(both(atP), options("fast"));
            TextGenerator decode = cluster.decode(both(atD), options("fast"));
            answer(cluster, prefill, decode);
            cluster.assertAtRest();
            assertThat(files(atD)).isEqualTo(prompt.length / BLOCK);
            assertThat(answer(decode).result().loadedPromptTokens()).isEqualTo(144);
            cluster.assertAtRest();
        }
    }

    private List<Integer> alone() {
        try (Cluster cluster = new Cluster()) {
            return answer(cluster.aggregated(options("exact"))).tokens();
        }
    }

    private Completion answer(Cluster cluster, TextGenerator prefill, TextGenerator decode) {
        Completion answer =
                Cluster.await(cluster.ask(prefill, decode, prompt, SamplingParams.GREEDY, ANSWER));
        assertThat(answer.result().loadedPromptTokens()).isEqualTo(prompt.length);
        return answer;
    }

    private Completion answer(TextGenerator worker) {
        return Cluster.await(submit(worker, Optional.empty(), ANSWER));
    }

    private CompletableFuture<Completion> submit(
            TextGenerator worker, Optional<TransferRoute> route, int tokens) {
        return Cluster.submit(worker, route, prompt, SamplingParams.GREEDY, tokens);
    }

    private static Map<String, Object> options(String batch) {
        return Map.of("decode_batch", batch, "prefill_chunk", CHUNK);
    }

    /** Settings of a whole: peers first, then a store. */
    private static Map<String, Object> both(Path folder) {
        Map<String, Object> store =
                Map.of(
                        "kv_connector",
                        "SharedStoreConnector",
                        "kv_connector_extra_config",
                        Map.of("path", folder.toString(), "block_tokens", BLOCK));
        Map<String, Object> settings = new HashMap<>();
        settings.put("kv_connector", "MultiConnector");
        settings.put("kv_role", "kv_both");
        settings.put(
                "connectors",
                List.of(
                        Map.of(
                                "kv_connector",
                                "P2pNcclConnector",
                                "kv_connector_extra_config",
                                Map.of("handshake_timeout_s", 0.5)),
                        store));
        return settings;
    }

    private static long files(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).count();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
