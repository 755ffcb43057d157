// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelOptionsTest {

    @TempDir private Path dir;
    private final Map<String, String> environment = new HashMap<>();
    private int gpus;

    /** Loads as DJL Serving does: the file, then the environment, then what it adds itself. */
    private Map<String, String> resolve(String file, Map<String, String> added) throws Exception {
        Files.writeString(dir.resolve("serving.properties"), file);
        Map<String, String> given = new HashMap<>(added);
        for (String line : file.lines().toList()) {
            if (line.startsWith("option.")) {
                int equals = line.indexOf('=');
                given.put(line.substring(7, equals), line.substring(equals + 1));
            }
        }
        environment.forEach(
                (name, value) -> {
                    if (name.startsWith("OPTION_")) {
                        given.putIfAbsent(name.substring(7).toLowerCase(Locale.ROOT), value);
                    }
                });
        return new ModelOptions(environment, true, () -> gpus).resolve(dir, given);
    }

    private Map<String, String> resolve(String file) throws Exception {
        return resolve(file, Map.of());
    }

    private void refuses(String file, String... parts) {
        assertThatThrownBy(() -> resolve(file))
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void shouldTakeLmisNames() throws Exception {
        Files.createDirectory(dir.resolve("weights"));
        String uri = dir.resolve("weights").toUri().toString();
        assertThat(
                        resolve(
                                """
                                engine=KvLink
                                option.model_id=weights
                                option.dtype=fp16
                                option.max_model_len=512
                                gpu_memory_utilization=0.8
                                option.max_rolling_batch_size=8
                                option.predict_timeout=60
                                option.kv_cache_tokens=64
                                """))
                .isEqualTo(
                        Map.of(
                                "model_dir", "weights",
                                "dtype", "float16",
                                "max_model_len", "512",
                                "gpu_memory_utilization", "0.8",
                                "max_running", "8",
                                "predict_timeout_s", "60",
                                "kv_cache_tokens", "64"));
        assertThat(resolve("option.model_id=" + uri))
                .containsEntry("model_dir", dir.resolve("weights").toString());
        assertThat(resolve("option.dtype=bf16")).containsEntry("dtype", "bfloat16");
        assertThat(resolve("option.dtype=fp32")).containsEntry("dtype", "float32");
        assertThat(resolve("option.dtype=float16")).containsEntry("dtype", "float16");
    }

    @Test
    void shouldTakeThemWithoutPrefixAndFromTheEnvironment() throws Exception {
        assertThat(resolve("dtype=bf16\nmax_rolling_batch_size=4\n"))
                .isEqualTo(Map.of("dtype", "bfloat16", "max_running", "4"));
        environment.put("OPTION_DTYPE", "fp16");
        environment.put("OPTION_MAX_ROLLING_BATCH_SIZE", "9");
        assertThat(resolve("engine=KvLink"))
                .isEqualTo(Map.of("dtype", "float16", "max_running", "9"));
        assertThat(resolve("option.dtype=fp32")).containsEntry("dtype", "float32");
        refuses("dtype=bf16\noption.dtype=fp16", "dtype=bf16", "option.dtype=fp16");
    }

    @Test
    void shouldRefuseAnAliasBesideItsTargetUnlessTheyAreEqual() throws Exception {
        assertThat(resolve("option.max_rolling_batch_size=8\noption.max_running=8"))
                .isEqualTo(Map.of("max_running", "8"));
        refuses(
                "option.max_rolling_batch_size=8\noption.max_running=4",
                "option.max_rolling_batch_size=8 and option.max_running=4 mean one thing");
        Files.createDirectories(dir.resolve("a"));
        Files.createDirectories(dir.resolve("b"));
        assertThat(resolve("option.model_id=a\noption.model_dir=b/../a"))
                .containsEntry("model_dir", "b/../a");
        refuses(
                "option.model_id=a\noption.model_dir=b",
                "option.model_id=a and option.model_dir=b");
        environment.put("OPTION_MAX_ROLLING_BATCH_SIZE", "64");
        refuses("option.max_running=4", "max_rolling_batch_size=64", "max_running=4");
    }

    @ParameterizedTest
    @CsvSource({
        "s3://bucket/llama, aws s3 sync s3://bucket/llama DIRECTORY",
        "meta-llama/Llama-3.2-1B, hf download meta-llama/Llama-3.2-1B --local-dir DIRECTORY",
        "djl://ai.djl.zoo/mlp, config.json",
        "file:///no/such/dir, config.json",
        "file:relative, config.json",
        "/no/such/dir, config.json"
    })
    void shouldRefuseAModelThatIsElsewhereSayingHowToGetIt(String id, String what) {
        refuses("option.model_id=" + id, "option.model_id=" + id + " is no local directory", what);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tensor_parallel_degree=2",
                "tensor_parallel_degree=0",
                "pipeline_parallel_degree=2",
                "rolling_batch=vllm",
                "rolling_batch=trtllm",
                "quantize=awq",
                "quantization=fp8",
                "enable_lora=true",
                "max_loras=4",
                "trust_remote_code=true",
                "revision=abc",
                "entryPoint=djl_python.huggingface",
                "kv_cache_free_gpu_mem_fraction=0.9",
                "speculative_config={}",
                "enable_prefix_caching=true",
                "max_num_seqs=8",
                "output_formatter=json",
                "model_loading_timeout=1800",
                "max_num_tokens=16384",
                "is_peft_model=true",
                "mpi_mode=true"
            })
    void shouldRefuseWhatHasNoMeaningIfTheUserWroteIt(String option) throws Exception {
        refuses("option." + option, "option." + option + "; ");
        refuses(option, "option." + option + "; ");
        environment.put(
                "OPTION_" + option.substring(0, option.indexOf('=')).toUpperCase(Locale.ROOT),
                option.substring(option.indexOf('=') + 1));
        if (!option.startsWith("entryPoint")) {
            refuses("engine=KvLink", "option." + option + "; ");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tensor_parallel_degree=1",
                "tensor_parallel_degree=max",
                "pipeline_parallel_degree=1",
                "rolling_batch=auto",
                "rolling_batch=disable",
                "async_mode=true",
                "trust_remote_code=False",
                "enable_lora=false",
                "quantize=none",
                "task=text-generation",
                "cpu_offload_gb=0",
                "load_format=auto"
            })
    void shouldTakeWhatAsksForNothing(String option) throws Exception {
        gpus = 1;
        assertThat(resolve("option." + option)).isEmpty();
    }

    @Test
    void shouldNotSpreadAModelOverGpus() throws Exception {
        gpus = 2;
        refuses("option.tensor_parallel_degree=max", "tensor_parallel_degree=max; ");
        environment.put("TENSOR_PARALLEL_DEGREE", "2");
        assertThatThrownBy(() -> resolve("engine=KvLink", Map.of("tensor_parallel_degree", "2")))
                .hasMessageContaining("tensor_parallel_degree=2");
    }

    @Test
    void shouldTakeNothingThatTheServerRecommends() throws Exception {
        assertThat(
                        resolve(
                                "option.max_running=3",
                                Map.of(
                                        "modelName", "m",
                                        "rolling_batch", "disable",
                                        "max_rolling_batch_size", "32",
                                        "pipeline_parallel_degree", "1",
                                        "tensor_parallel_degree", "8",
                                        "predict_timeout", "10")))
                .isEqualTo(Map.of("max_running", "3"));
        // Without a server nobody recommends: who loads the model wrote it.
        ModelOptions embedded = new ModelOptions(Map.of(), false, () -> 0);
        assertThat(embedded.resolve(dir, Map.of("max_rolling_batch_size", "32")))
                .isEqualTo(Map.of("max_running", "32"));
        assertThatThrownBy(() -> embedded.resolve(dir, Map.of("tensor_parallel_degree", "8")))
                .hasMessageContaining("tensor_parallel_degree=8");
    }

    @Test
    void shouldLeaveOtherOptionsToWhoKnowsThem() throws Exception {
        assertThat(resolve("option.kv_cache_tokenz=1\njob_queue_size=7\nbatch_size=1"))
                .isEqualTo(Map.of("kv_cache_tokenz", "1"));
        for (String key : List.of("engine", "batch_size", "translatorFactory", "load_on_devices")) {
            assertThat(LmiOptions.knows(key)).isFalse();
        }
    }
}
