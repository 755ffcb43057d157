// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.model.Models;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.MemoryKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkerResourcesTest {

    private static final String FAKE = "{\"kv_connector\":\"Fake\",\"kv_role\":\"kv_both\"}";

    @TempDir private static Path directory;
    private static Path model;

    private final FakeConnector connector = new FakeConnector(new Wire(), 1, Loading.IN_STEP);

    @BeforeAll
    static void writeModel() {
        model = TinyModels.write(directory.resolve("tiny"), 5);
    }

    private WorkerResources open(Map<String, Object> values) {
        return WorkerResources.open(
                WorkerConfig.of(model, values), new Models(), connector.installed(), () -> {});
    }

    @Test
    void shouldKeepHostMemoryOnTheCpu() {
        try (WorkerResources resources = open(Map.of("kv_transfer_config", FAKE))) {
            assertThat(connector.context.device()).isEmpty();
            for (int layer = 0; layer < TinyModels.LAYERS; layer++) {
                assertThat(resources.memory().layerRegion(layer).kind())
                        .isEqualTo(MemoryKind.DIRECT);
            }
        }
    }

    @Test
    void shouldCloseTheConnectorWhileItsMemoryIsThere() {
        WorkerResources resources = open(Map.of("kv_transfer_config", FAKE));
        List<Integer> computed = new ArrayList<>();
        connector.onClose =
                () -> {
                    KvSlots slots = resources.memory().allocate(1);
                    PromptChunk chunk = new PromptChunk(slots, 0, new int[] {1}, null, true);
                    computed.add(
                            resources
                                    .decoder()
                                    .prefill(List.of(chunk), LayerHook.NONE)
                                    .await()
                                    .size());
                    slots.release();
                };
        resources.close();
        assertThat(computed).containsExactly(1);
        assertThat(connector.closed()).isTrue();
    }

    @Test
    void shouldRefuseAGpuThatIsNotThere() {
        assertThatThrownBy(() -> open(Map.of("device", "gpu97", "kv_transfer_config", FAKE)))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageStartingWith("option.device=gpu97; DJL's PyTorch 2.")
                .hasMessageEndingWith("option.device=cpu works everywhere");
        assertThat(connector.context).isNull();
    }
}
