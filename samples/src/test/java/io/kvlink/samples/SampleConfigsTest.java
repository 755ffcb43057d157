// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.worker.config.Announcement;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.p2p.P2pConfig;
import io.kvlink.p2p.SendType;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvTransferConfig;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The committed configurations are the reference's recipes, and this version accepts them. */
class SampleConfigsTest {

    private static final Path CONFIGS = Path.of("configs");

    static List<Path> instances() throws IOException {
        try (Stream<Path> files = Files.walk(CONFIGS)) {
            return files.filter(file -> file.endsWith("serving.properties")).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("instances")
    void shouldBeAccepted(Path file) throws IOException {
        Properties properties = properties(file);
        assertThat(properties.getProperty("engine")).isEqualTo("KvLink");
        Path model = file.resolveSibling(properties.getProperty("option.model_dir")).normalize();
        assertThat(model).isEqualTo(Path.of("model"));
        WorkerConfig config = config(properties);
        boolean aggregated = file.toString().contains("aggregated");
        assertThat(config.transfer().isEmpty()).isEqualTo(aggregated);
        if (file.toString().contains("shared-store")) {
            KvTransferConfig transfer = config.transfer().orElseThrow();
            assertThat(transfer.role()).isEqualTo(KvRole.BOTH);
            assertThat(transfer.connector()).isEqualTo("SharedStoreConnector");
        } else if (!aggregated) {
            KvTransferConfig transfer = config.transfer().orElseThrow();
            boolean prefill = file.toString().contains("prefill");
            assertThat(transfer.role()).isEqualTo(prefill ? KvRole.PRODUCER : KvRole.CONSUMER);
            assertThat(transfer.bufferBytes()).isEqualTo(prefill ? 10 : 8_000_000_000L);
            P2pConfig p2p = P2pConfig.of(transfer);
            assertThat(p2p.sendType()).isEqualTo(SendType.PUT_ASYNC);
            Announcement announced = config.announcement().orElseThrow();
            assertThat(announced.proxies()).hasToString("[127.0.0.1:30001]");
            // What starts it in either server names the port that the worker tells.
            assertThat(Files.readString(file))
                    .containsPattern(
                            "^# .* %1$d\n# .* --port %1$d\n".formatted(announced.http().port()));
        }
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void shouldHaveNoPortTwice(String recipe, int prefills, int decodes) throws IOException {
        Set<Integer> ports = new HashSet<>();
        for (Path file : instances()) {
            if (file.startsWith(CONFIGS.resolve(recipe))) {
                WorkerConfig config = config(properties(file));
                assertThat(ports.add(config.transfer().orElseThrow().port())).isTrue();
                assertThat(ports.add(config.announcement().orElseThrow().http().port())).isTrue();
            }
        }
        assertThat(ports).hasSize(2 * (prefills + decodes));
    }

    static Stream<org.junit.jupiter.params.provider.Arguments> recipes() {
        return Stream.of(
                org.junit.jupiter.params.provider.Arguments.of("1p1d", 1, 1),
                org.junit.jupiter.params.provider.Arguments.of("1p3d", 1, 3),
                org.junit.jupiter.params.provider.Arguments.of("3p1d", 3, 1));
    }

    private static Properties properties(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        return properties;
    }

    private static WorkerConfig config(Properties properties) {
        String transfer = properties.getProperty("option.kv_transfer_config", "");
        return WorkerConfig.of(Path.of("model"), Map.of("kv_transfer_config", transfer));
    }
}
