// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.options;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Options of DJL's large model containers (LMI 0.36) and of the engines behind them. Some mean the
 * same as one of KvLink's; the others have a reason why they have no meaning here.
 */
final class LmiOptions {

    static final String TENSOR_PARALLEL = "tensor_parallel_degree";
    static final String PIPELINE_PARALLEL = "pipeline_parallel_degree";
    static final String MODEL_ID = "model_id";
    static final String DTYPE = "dtype";

    /** Names of KvLink's options by LMI's. */
    static final Map<String, String> ALIASES =
            Map.of(
                    MODEL_ID,
                    "model_dir",
                    "max_rolling_batch_size",
                    "max_running",
                    "predict_timeout",
                    "predict_timeout_s");

    /** Values of {@value #DTYPE} by LMI's. */
    static final Map<String, String> DTYPES =
            Map.of("fp32", "float32", "fp16", "float16", "bf16", "bfloat16");

    /** Options of the same name and meaning in both. */
    private static final Set<String> SHARED =
            Set.of(DTYPE, "max_model_len", "gpu_memory_utilization");

    private static final Set<String> OFF = Set.of("", "false", "none", "null");
    private static final Set<String> FLAG = Set.of("true", "false");
    private static final Map<String, Meaningless> MEANINGLESS = meaningless();

    /**
     * An option without meaning here.
     *
     * @param neutral values that ask for nothing, in lower case
     * @param reason why any other is refused, and what to do
     */
    record Meaningless(Set<String> neutral, String reason) {

        boolean asksForNothing(String value) {
            return neutral.contains(value.trim().toLowerCase(Locale.ROOT));
        }
    }

    private LmiOptions() {}

    /** True if the key is an option of LMI. */
    static boolean knows(String key) {
        return ALIASES.containsKey(key) || SHARED.contains(key) || MEANINGLESS.containsKey(key);
    }

    /** Reason why an option has no meaning here; null if it has one, or nobody knows it. */
    static @Nullable Meaningless meaningless(String key) {
        return MEANINGLESS.get(key);
    }

    private static Map<String, Meaningless> meaningless() {
        Table table = new Table();
        addDevices(table);
        addArithmetic(table);
        addFiles(table);
        addMemory(table);
        addLimits(table);
        addAnswers(table);
        addEngines(table);
        return Map.copyOf(table.rows);
    }

    private static void addDevices(Table table) {
        table.add(
                Set.of("1"),
                "a model of KvLink is on one device; write 1 or leave it out",
                TENSOR_PARALLEL,
                PIPELINE_PARALLEL,
                "data_parallel_size",
                "context_parallel_size",
                "cluster_size");
        table.add(
                OFF,
                "a model of KvLink is on one device, which option.device names; leave it out",
                "mpi_mode",
                "device_map",
                "device_id",
                "enable_expert_parallel",
                "auto_parallel");
        table.add(
                Set.of("auto", "disable"),
                "KvLink computes requests together by itself; write auto or disable, or leave it out",
                "rolling_batch");
        table.add(
                FLAG,
                "KvLink serves requests without waiting for each other",
                "async_mode",
                "enable_chunked_prefill");
    }

    private static void addArithmetic(Table table) {
        table.add(
                OFF,
                "KvLink serves checkpoints in float32, float16 and bfloat16, computed as option.dtype says; leave it out",
                "quantize",
                "quantization",
                "load_in_4bit",
                "load_in_8bit",
                "use_fp8_context_fmha",
                "smoothquant_alpha",
                "smoothquant_per_token",
                "smoothquant_per_channel",
                "multi_query_mode",
                "awq_format",
                "awq_calib_size",
                "awq_block_size",
                "q_format",
                "calib_size",
                "calib_batch_size",
                "logits_dtype",
                "data_type");
        table.add(
                Set.of("auto"), "KV is kept as option.dtype says; leave it out", "kv_cache_dtype");
        table.add(OFF, "KvLink serves no LoRA adapters; leave it out", lora());
        table.add(
                OFF,
                "KvLink decodes without a draft model; leave it out",
                "speculative_config",
                "speculative_draft_model",
                "draft_model_id",
                "spec_length");
    }

    private static void addFiles(Table table) {
        table.add(
                OFF,
                "KvLink reads a local directory and runs no code of a model; leave it out",
                "trust_remote_code",
                "revision",
                "tokenizer_revision",
                "code_revision",
                "hf_token",
                "skops_trusted_types",
                "trust_insecure_model_files");
        table.add(
                Set.of("auto", "safetensors"),
                "KvLink reads model*.safetensors; leave it out",
                "load_format",
                "model_format");
        table.add(
                Set.of("auto"),
                "KvLink reads tokenizer.json of the model's directory; leave it out",
                "tokenizer",
                "tokenizer_mode");
        table.add(
                Set.of("auto", "text-generation", "generate"),
                "KvLink generates text; leave it out",
                "task");
    }

    private static void addMemory(Table table) {
        table.add(
                OFF,
                "a prompt's KV comes from its prefill instance or is computed; leave it out",
                "enable_prefix_caching",
                "enable_kv_cache_reuse",
                "lmcache_auto_config",
                "lmcache_config_file",
                "enable_stateful_sessions");
        table.add(
                Set.of(),
                "KV memory is option.kv_cache_tokens; leave it out",
                "kv_cache_free_gpu_mem_fraction",
                "tokens_per_block",
                "block_size",
                "swap_space");
        table.add(
                Set.of("0"),
                "weights and KV stay on the model's device; leave it out",
                "cpu_offload_gb",
                "cpu_offload_gb_per_gpu");
    }

    private static void addLimits(Table table) {
        table.add(
                Set.of(),
                "use option.max_step_tokens, prompt tokens between two tokens of running answers",
                "max_num_batched_tokens",
                "max_rolling_batch_prefill_tokens",
                "max_num_tokens");
        table.add(
                Set.of(),
                "use option.max_running, requests that hold KV memory at a time",
                "max_num_seqs",
                "max_num_sequences",
                "max_batch_size");
        table.add(Set.of(), "use option.max_prompt_tokens", "max_input_len");
        table.add(Set.of(), "use option.max_model_len", "max_output_len", "max_seq_len");
    }

    private static void addAnswers(Table table) {
        table.add(
                OFF,
                "KvLink serves no tools, and leaves an answer's text as it is; leave it out",
                "enable_auto_tool_choice",
                "tool_call_parser",
                "enable_reasoning",
                "reasoning_parser",
                "guided_decoding_backend",
                "output_formatter",
                "input_formatter",
                "tgi_compat",
                "bedrock_compat");
        table.add(OFF, "KvLink reads text only; leave it out", "limit_mm_per_prompt");
        table.add(
                OFF,
                "a request streams if its body says \"stream\": true; leave it out",
                "enable_streaming");
    }

    private static void addEngines(Table table) {
        table.add(
                OFF,
                "it is for DJL Serving's Python engines, and engine=KvLink runs no Python; leave it out",
                python());
        table.add(
                OFF,
                "it is for TensorRT-LLM, and engine=KvLink computes on DJL's PyTorch engine; leave it out",
                tensorRt());
    }

    private static String[] lora() {
        return new String[] {
            "enable_lora",
            "max_loras",
            "max_lora_rank",
            "max_cpu_loras",
            "lora_extra_vocab_size",
            "lora_dtype",
            "long_lora_scaling_factors",
            "fully_sharded_loras",
            "is_peft_model"
        };
    }

    private static String[] python() {
        return new String[] {
            "entryPoint",
            "handler",
            "pythonExecutable",
            "enable_venv",
            "model_loading_timeout",
            "parallel_loading",
            "max_output_size",
            "default_accept",
            "waiting_steps",
            "low_cpu_mem_usage",
            "disable_flash_attn",
            "enforce_eager",
            "chat_template_content_format"
        };
    }

    private static String[] tensorRt() {
        return new String[] {
            "backend",
            "batch_scheduler_policy",
            "enable_trt_overlap",
            "baichuan_model_version",
            "chatglm_model_version",
            "gpt_model_version",
            "use_fused_mlp",
            "rotary_base",
            "rotary_dim",
            "rotary_scaling_type",
            "rotary_scaling_factor",
            "trtllm_checkpoint_path",
            "num_checkpoint_workers",
            "num_engine_workers",
            "load_by_shard",
            "max_beam_width",
            "optimization"
        };
    }

    /** Rows by key. */
    private static final class Table {
        final Map<String, Meaningless> rows = new HashMap<>();

        void add(Set<String> neutral, String reason, String... keys) {
            Meaningless row = new Meaningless(neutral, reason);
            for (String key : keys) {
                rows.put(key, row);
            }
        }
    }
}
