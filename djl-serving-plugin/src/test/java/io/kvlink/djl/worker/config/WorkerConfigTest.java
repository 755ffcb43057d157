// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRole;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class WorkerConfigTest {

    private static final Path MODEL = Path.of("some/demo-model");

    @Test
    void shouldHaveDefaults() {
        WorkerConfig config = WorkerConfig.of(MODEL, Map.of());
        assertThat(config.modelName()).isEqualTo("demo-model");
        assertThat(config.transfer()).isEmpty();
        assertThat(config.kvCacheTokens()).isEmpty();
        assertThat(config.gpuMemoryUtilization()).isEqualTo(0.9);
        assertThat(config.maxQueuedRequests()).isEqualTo(256);
        assertThat(config.maxRunning()).isEqualTo(64);
        assertThat(config.prefillChunk()).isEqualTo(256);
        assertThat(config.prefillLimit()).isZero();
        assertThat(config.maxStepTokens()).isEqualTo(256);
        int threads = Math.min(4, Runtime.getRuntime().availableProcessors());
        assertThat(config.decoding()).isEqualTo(new DecodeSettings(DecodeBatch.FAST, 64, threads));
        assertThat(config.kvGrowthTokens()).isEqualTo(128);
        assertThat(config.loadDeadline()).isEqualTo(Duration.ofSeconds(60));
    }

    @Test
    void shouldHaveLargerChunksOnAGpuAndALimitOfTheirTime() {
        WorkerConfig config = WorkerConfig.of(MODEL, Map.of("device", "gpu1"));
        assertThat(config.prefillChunk()).isEqualTo(2048);
        assertThat(config.maxStepTokens()).isEqualTo(2048);
        assertThat(config.prefillLimit()).isEqualTo(Duration.ofMillis(30));
    }

    @Test
    void shouldReadNumbersThatAreTexts() {
        WorkerConfig config =
                WorkerConfig.of(
                        MODEL, Map.of("kv_cache_tokens", "4e3", "layer_deadline_s", "0.25"));
        assertThat(config.kvCacheTokens()).hasValue(4000);
        assertThat(config.layerDeadline()).isEqualTo(Duration.ofMillis(250));
    }

    @Test
    void shouldComputeOneChunkBetweenTokensUnlessToldOtherwise() {
        assertThat(WorkerConfig.of(MODEL, Map.of("prefill_chunk", 32)).maxStepTokens())
                .isEqualTo(32);
        assertThat(WorkerConfig.of(MODEL, Map.of("max_step_tokens", 1000)).maxStepTokens())
                .isEqualTo(1000);
        assertThat(WorkerConfig.of(MODEL, Map.of("decode_batch", "off")).decoding().batch())
                .isEqualTo(DecodeBatch.OFF);
    }

    @Test
    void shouldReadTheTransferConfiguration() {
        String json =
                "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"kv_consumer\","
                        + "\"kv_buffer_size\":\"8e9\",\"kv_port\":22001,"
                        + "\"kv_connector_extra_config\":{\"send_type\":\"GET\"}}";
        var transfer =
                WorkerConfig.of(MODEL, Map.of("kv_transfer_config", json)).transfer().orElseThrow();
        assertThat(transfer.role()).isEqualTo(KvRole.CONSUMER);
        assertThat(transfer.port()).isEqualTo(22001);
        assertThat(transfer.bufferBytes()).isEqualTo(8_000_000_000L);
        assertThat(transfer.extra().text("send_type", "")).isEqualTo("GET");
    }

    @Test
    void shouldSayWhereTheJsonIsWrong() {
        requireRefused(
                Map.of("kv_transfer_config", "{\"kv_connector\":\"A\",\n \"kv_role\" 5}"),
                "kv_transfer_config={",
                "line 2");
        requireRefused(Map.of("kv_transfer_config", "[1]"), "expected a JSON object");
        requireRefused(Map.of("kv_transfer_config", "null"), "expected a JSON object");
    }

    @Test
    void shouldNameKeyValueAndRange() {
        requireRefused(Map.of("prefill_chunk", 0), "option.prefill_chunk=0", "from 1 to 65536");
        // Ports let no more through, so that more would have no effect.
        requireRefused(
                Map.of("max_request_bytes", 67_108_865),
                "option.max_request_bytes=67108865",
                "from 1 to 67108864");
        requireRefused(Map.of("prefil_chunk", 5), "did you mean prefill_chunk?");
        requireRefused(Map.of("model_name", " "), "option.model_name= ");
        requireRefused(
                Map.of("decode_batch", "on"),
                "option.decode_batch=on; expected exact, fast or off");
        requireRefused(Map.of("load_deadline_s", "soon"), "option.load_deadline_s=soon");
        requireRefused(
                Map.of("gpu_memory_utilization", 0.01),
                "option.gpu_memory_utilization=0.01",
                "from 0.05 to 1.0");
        requireRefused(
                Map.of("prefill_limit_ms", -1),
                "option.prefill_limit_ms=-1",
                "from 0.0 to 60000.0");
        requireRefused(Map.of("kv_cache_tokens", 0), "option.kv_cache_tokens=0", "from 1 to");
    }

    @Test
    void shouldTakeDevicesAsDjlNamesThem() {
        assertThat(WorkerConfig.of(MODEL, Map.of()).device()).isEqualTo(Device.cpu());
        assertThat(WorkerConfig.of(MODEL, Map.of("device", "cpu")).device())
                .isEqualTo(Device.cpu());
        assertThat(WorkerConfig.of(MODEL, Map.of("device", "gpu1")).device())
                .isEqualTo(Device.gpu(1));
        for (String name : List.of("gpu", "cuda:0", "gpu100", "1", "GPU0")) {
            requireRefused(
                    Map.of("device", name),
                    "option.device=" + name + "; expected cpu, or gpu0 to gpu99");
        }
    }

    @Test
    void shouldTakeTypesThatItComputesIn() {
        assertThat(WorkerConfig.of(MODEL, Map.of()).dtype()).isEqualTo("auto");
        assertThat(WorkerConfig.of(MODEL, Map.of("dtype", "bfloat16")).dtype())
                .isEqualTo("bfloat16");
        requireRefused(
                Map.of("dtype", "int8"),
                "option.dtype=int8; expected one of [auto, float32, float16, bfloat16]");
    }

    @Property
    void noTextMakesTheParserThrowAnythingElse(@ForAll String json) {
        try {
            TransferConfigJson.parse(json);
        } catch (KvConnectorException expected) {
            assertThat(expected.error()).isEqualTo(KvError.BAD_CONFIG);
        }
    }

    private static void requireRefused(Map<String, Object> values, String... parts) {
        assertThatThrownBy(() -> WorkerConfig.of(MODEL, values))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        refused -> assertThat(refused.error()).isEqualTo(KvError.BAD_CONFIG))
                .hasMessageContainingAll(parts);
    }
}
