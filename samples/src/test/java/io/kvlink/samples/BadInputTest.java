// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.HostPort;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Refusal of bad input: the fault is named, and nothing is left behind. Strange bytes on a port
 * harm nobody.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class BadInputTest {

    @Test
    void shouldGoOnWhenStrangersSendGarbageToTheControlPort() throws IOException {
        Random random = new Random(3);
        int[] prompt = random.ints(60, 3, 1024).toArray();
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of());
            TextGenerator decode = cluster.decode(Map.of());
            for (int i = 0; i < 20; i++) {
                for (TextGenerator worker : new TextGenerator[] {prefill, decode}) {
                    HostPort address = Cluster.kvAddress(worker);
                    try (Socket socket = new Socket(address.host(), address.port())) {
                        byte[] garbage = new byte[1 + random.nextInt(3000)];
                        random.nextBytes(garbage);
                        socket.getOutputStream().write(garbage);
                    }
                }
            }
            Completion answer =
                    Cluster.await(cluster.ask(prefill, decode, prompt, SamplingParams.GREEDY, 4));
            assertThat(answer.result().loadedPromptTokens()).isEqualTo(60);
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldRefuseAPeerWithAnotherModel(@TempDir Path dir) throws IOException {
        copyModel(dir);
        // The same shapes, other weights: one bit of the last one.
        Path weights = dir.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        int[] prompt = new Random(4).ints(30, 3, 1024).toArray();
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of());
            TextGenerator decode = cluster.decodeOf(dir, Map.of("kv_load_failure_policy", "fail"));
            assertThatThrownBy(
                            () ->
                                    Cluster.await(
                                            cluster.ask(
                                                    prefill,
                                                    decode,
                                                    prompt,
                                                    SamplingParams.GREEDY,
                                                    4)))
                    .hasMessageContaining("LAYOUT_MISMATCH")
                    .hasMessageContaining("model=");
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldNameAnUnknownSettingAndTheNearestKnownOne() {
        assertThatThrownBy(
                        () -> Cluster.worker("kv_producer", Map.of("send_tpye", "PUT"), Map.of()))
                .hasMessageContaining("send_tpye")
                .hasMessageContaining("did you mean send_type");
        assertThatThrownBy(() -> Cluster.worker("kv_producer", Map.of(), Map.of("max_runing", 3)))
                .hasMessageContaining("max_runing")
                .hasMessageContaining("did you mean max_running");
        assertThatThrownBy(() -> Cluster.worker("kv_prodcer", Map.of(), Map.of()))
                .hasMessageContaining("kv_role")
                .hasMessageContaining("kv_producer");
    }

    @Test
    void shouldNameAMissingAndATruncatedModelFile(@TempDir Path dir) throws IOException {
        copyModel(dir);
        Path weights = dir.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, java.util.Arrays.copyOf(bytes, bytes.length - 1000));
        assertThatThrownBy(() -> start(dir)).hasMessageContaining("model.safetensors");
        Files.delete(weights);
        assertThatThrownBy(() -> start(dir)).hasMessageContaining("model.safetensors");
        Cluster.assertNoThreadLeft();
    }

    private static void start(Path dir) {
        LlamaWorker.start(WorkerConfig.of(dir, Map.of()), BadInputTest.class.getClassLoader())
                .close();
    }

    private static void copyModel(Path dir) throws IOException {
        for (String file : new String[] {"config.json", "model.safetensors", "tokenizer.json"}) {
            Files.copy(
                    Cluster.MODEL.resolve(file),
                    dir.resolve(file),
                    StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
