// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import ai.djl.Device;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.Settings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Model of a worker, and the amount of work it takes on. Keys in brackets are the settings' names.
 *
 * @param modelDir a directory as Hugging Face lays it out
 * @param modelName [{@code model_name}] the name clients ask for; default the directory's name
 * @param device [{@code device}] what computes and holds the KV: {@code cpu}, or {@code gpu0} and
 *     so on, as DJL names them
 * @param dtype [{@code dtype}] what weights and KV are kept in and multiplied in: one of {@link
 *     ComputeType#settings}
 * @param transfer [{@code kv_transfer_config}] the connector and its settings, as JSON; absent: no
 *     connector, everything is computed here
 * @param announcement [{@code proxy_ip}, {@code proxy_port}, {@code http_ip}, {@code http_port}]
 *     proxies that are to know this instance; the same keys in {@code kv_connector_extra_config}
 *     mean the same, with {@code kv_ip} for {@code http_ip}
 * @param kvCacheTokens [{@code kv_cache_tokens}] tokens for which there is KV memory; absent: the
 *     decoder's choice
 * @param gpuMemoryUtilization [{@code gpu_memory_utilization}] share of a GPU's memory that a
 *     decoder may choose to take
 * @param maxQueuedRequests [{@code max_queued_requests}] requests that may wait; one more is
 *     refused
 * @param maxRunning [{@code max_running}] requests that may hold KV memory
 * @param prefillChunk [{@code prefill_chunk}] prompt tokens computed at once; instances that
 *     exchange KV give the same bits only if theirs are equal
 * @param prefillLimit [{@code prefill_limit_ms}] with {@code decode_batch=fast}: longest time that
 *     prompts take between two tokens of running answers; zero: any
 * @param decoding [{@code decode_batch}] {@code exact}, {@code fast} or {@code off}: how the next
 *     tokens of running requests are computed; equal on instances that exchange KV. [{@code
 *     max_batch}] most requests of one batch. [{@code decode_threads}] on which parts of a batch
 *     are computed at the same time
 * @param maxStepTokens [{@code max_step_tokens}] prompt tokens computed between two tokens of
 *     running answers; one chunk at least; default one chunk
 * @param kvGrowthTokens [{@code kv_growth_tokens}] tokens of an answer for which KV memory is taken
 *     at a time
 * @param maxAnswerTokens [{@code max_answer_tokens}] most tokens of an answer, whatever the client
 *     asks for
 * @param loadDeadline [{@code load_deadline_s}] when a request's KV is given up for lost, if the
 *     connector didn't say so before
 * @param layerDeadline [{@code layer_deadline_s}] longest wait of one step for its loads, and for
 *     its saves; all running requests wait with it
 * @param firstTokenHandoff [{@code first_token_handoff}] whether the first token of an answer
 *     travels with its prompt's KV, so that who loads that has nothing of the prompt to compute
 * @param surface what clients may ask for
 */
public record WorkerConfig(
        Path modelDir,
        String modelName,
        Device device,
        String dtype,
        Optional<KvTransferConfig> transfer,
        Optional<Announcement> announcement,
        OptionalInt kvCacheTokens,
        double gpuMemoryUtilization,
        int maxQueuedRequests,
        int maxRunning,
        int prefillChunk,
        Duration prefillLimit,
        DecodeSettings decoding,
        int maxStepTokens,
        int kvGrowthTokens,
        int maxAnswerTokens,
        Duration loadDeadline,
        Duration layerDeadline,
        boolean firstTokenHandoff,
        SurfaceConfig surface) {

    private static final int MAX_CACHE_TOKENS = 1 << 26;
    private static final int MAX_CHUNK = 1 << 16;
    private static final int MAX_BATCH = 1024;
    private static final int MAX_THREADS = 256;
    private static final int MAX_REQUESTS = 1 << 20;
    private static final int MAX_DEADLINE_S = 3600;
    private static final double MIN_UTILIZATION = 0.05;
    private static final String KV_CACHE_TOKENS = "kv_cache_tokens";
    private static final String GPU_MEMORY = "gpu_memory_utilization";
    private static final String PREFILL_LIMIT = "prefill_limit_ms";
    private static final int MAX_LIMIT_MS = 60_000;
    private static final String DEVICE = "device";
    private static final String DTYPE = "dtype";
    private static final String DECODE_BATCH = "decode_batch";
    private static final int MAX_GPU = 99;
    private static final Pattern GPU = Pattern.compile("gpu(\\d{1,2})");

    public WorkerConfig {
        require(!modelName.isBlank(), "model_name", modelName, "a name");
        require(
                ComputeType.settings().contains(dtype),
                DTYPE,
                dtype,
                "one of " + ComputeType.settings());
        requireRange(KV_CACHE_TOKENS, kvCacheTokens.orElse(1), MAX_CACHE_TOKENS);
        require(
                gpuMemoryUtilization >= MIN_UTILIZATION && gpuMemoryUtilization <= 1,
                GPU_MEMORY,
                gpuMemoryUtilization,
                MIN_UTILIZATION + "..1");
        requireRange("max_queued_requests", maxQueuedRequests, MAX_REQUESTS);
        requireRange("max_running", maxRunning, MAX_REQUESTS);
        requireRange("prefill_chunk", prefillChunk, MAX_CHUNK);
        require(
                !prefillLimit.isNegative() && prefillLimit.toMillis() <= MAX_LIMIT_MS,
                PREFILL_LIMIT,
                prefillLimit.toMillis(),
                "0.." + MAX_LIMIT_MS);
        requireRange("max_batch", decoding.maxBatch(), MAX_BATCH);
        requireRange("decode_threads", decoding.threads(), MAX_THREADS);
        requireRange("max_step_tokens", maxStepTokens, MAX_CACHE_TOKENS);
        requireRange("kv_growth_tokens", kvGrowthTokens, MAX_CACHE_TOKENS);
        requireRange("max_answer_tokens", maxAnswerTokens, Integer.MAX_VALUE);
        requireDeadline("load_deadline_s", loadDeadline);
        requireDeadline("layer_deadline_s", layerDeadline);
    }

    /**
     * Reads a worker's settings and refuses any other.
     *
     * @param modelDir the model's directory
     * @param values keys and values, such as a {@code serving.properties} without its prefix
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}
     */
    public static WorkerConfig of(Path modelDir, Map<String, ? extends @Nullable Object> values) {
        Settings settings = Settings.of("option", values);
        WorkerConfig config = of(modelDir, settings);
        settings.refuseUnknown();
        return config;
    }

    /**
     * Reads a worker's settings among others; the caller refuses the unknown ones.
     *
     * @param modelDir the model's directory
     * @param settings borrowed
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}
     */
    public static WorkerConfig of(Path modelDir, Settings settings) {
        Optional<TransferConfigJson.Parsed> transfer =
                Optional.of(settings.text("kv_transfer_config", ""))
                        .filter(json -> !json.isBlank())
                        .map(TransferConfigJson::parse);
        Device device = device(settings.text(DEVICE, "cpu"));
        int usualChunk = device.isGpu() ? 2048 : 256;
        int chunk = (int) settings.integer("prefill_chunk", usualChunk, 1, MAX_CHUNK);
        return new WorkerConfig(
                modelDir,
                settings.text("model_name", directoryName(modelDir)),
                device,
                settings.text(DTYPE, ComputeType.AUTO),
                transfer.map(TransferConfigJson.Parsed::config),
                announcement(settings, transfer),
                cacheTokens(settings),
                settings.number(GPU_MEMORY, 0.9, MIN_UTILIZATION, 1),
                (int) settings.integer("max_queued_requests", 256, 1, MAX_REQUESTS),
                (int) settings.integer("max_running", 64, 1, MAX_REQUESTS),
                chunk,
                prefillLimit(settings, device),
                decoding(settings),
                (int) settings.integer("max_step_tokens", chunk, 1, MAX_CACHE_TOKENS),
                (int) settings.integer("kv_growth_tokens", 128, 1, MAX_CACHE_TOKENS),
                (int)
                        settings.integer(
                                "max_answer_tokens", Integer.MAX_VALUE, 1, Integer.MAX_VALUE),
                seconds(settings, "load_deadline_s", 60),
                seconds(settings, "layer_deadline_s", 5),
                settings.flag("first_token_handoff", true),
                SurfaceConfig.of(settings));
    }

    /** Copy with another {@code kv_port}; 0 takes any free one. */
    public WorkerConfig withKvPort(int port) {
        return new WorkerConfig(
                modelDir,
                modelName,
                device,
                dtype,
                transfer.map(config -> config.withPort(port)),
                announcement,
                kvCacheTokens,
                gpuMemoryUtilization,
                maxQueuedRequests,
                maxRunning,
                prefillChunk,
                prefillLimit,
                decoding,
                maxStepTokens,
                kvGrowthTokens,
                maxAnswerTokens,
                loadDeadline,
                layerDeadline,
                firstTokenHandoff,
                surface);
    }

    /** The decoder of a model that was read from {@link #modelDir}. */
    public DecoderSpec decoder(ModelConfig model) {
        return new DecoderSpec(
                modelDir,
                model,
                device,
                decoding,
                maxRunning,
                prefillChunk,
                kvCacheTokens,
                gpuMemoryUtilization);
    }

    /** Sizes of the parts in which prompts are computed. */
    public ChunkSizes chunkSizes() {
        return new ChunkSizes(prefillChunk, decoding.batch() != DecodeBatch.FAST);
    }

    private static Optional<Announcement> announcement(
            Settings settings, Optional<TransferConfigJson.Parsed> transfer) {
        String kvIp = transfer.map(parsed -> parsed.config().host()).orElse("127.0.0.1");
        String host = settings.text("http_ip", kvIp);
        return Announcement.of(
                new Announcement.Place("option", settings),
                Announcement.Place.of(
                        TransferConfigJson.WHERE,
                        transfer.map(TransferConfigJson.Parsed::own).orElse(Map.of())),
                host);
    }

    private static Duration prefillLimit(Settings settings, Device device) {
        double usualMs = device.isGpu() ? 30 : 0;
        double ms = settings.number(PREFILL_LIMIT, usualMs, 0, MAX_LIMIT_MS);
        return Duration.ofNanos(Math.round(1e6 * ms));
    }

    private static OptionalInt cacheTokens(Settings settings) {
        return settings.text(KV_CACHE_TOKENS, "").isEmpty()
                ? OptionalInt.empty()
                : OptionalInt.of((int) settings.integer(KV_CACHE_TOKENS, 1, 1, MAX_CACHE_TOKENS));
    }

    private static DecodeSettings decoding(Settings settings) {
        DecodeSettings absent = DecodeSettings.DEFAULT;
        return new DecodeSettings(
                batch(settings.text(DECODE_BATCH, "fast")),
                (int) settings.integer("max_batch", absent.maxBatch(), 1, MAX_BATCH),
                (int) settings.integer("decode_threads", usualThreads(), 1, MAX_THREADS));
    }

    /**
     * Usual number of threads. A larger one gains little: a batch has few rows for each, and other
     * instances need cores too.
     */
    private static int usualThreads() {
        return Math.min(4, Runtime.getRuntime().availableProcessors());
    }

    private static DecodeBatch batch(String name) {
        for (DecodeBatch batch : DecodeBatch.values()) {
            if (batch.name().toLowerCase(Locale.ROOT).equals(name)) {
                return batch;
            }
        }
        throw new KvConnectorException(
                KvError.BAD_CONFIG,
                "option.%s=%s; expected exact, fast or off".formatted(DECODE_BATCH, name));
    }

    private static Device device(String name) {
        Matcher gpu = GPU.matcher(name);
        if (gpu.matches()) {
            return Device.gpu(Integer.parseInt(gpu.group(1)));
        }
        require(name.equals("cpu"), DEVICE, name, "cpu, or gpu0 to gpu" + MAX_GPU);
        return Device.cpu();
    }

    private static Duration seconds(Settings settings, String key, double absent) {
        return Duration.ofMillis(
                Math.round(1000 * settings.number(key, absent, 0.001, MAX_DEADLINE_S)));
    }

    private static String directoryName(Path modelDir) {
        Path name = modelDir.toAbsolutePath().normalize().getFileName();
        return name == null ? "model" : name.toString();
    }

    private static void requireRange(String key, int value, int max) {
        require(value >= 1 && value <= max, key, value, "1.." + max);
    }

    private static void requireDeadline(String key, Duration value) {
        require(
                value.compareTo(Duration.ofMillis(1)) >= 0
                        && value.compareTo(Duration.ofSeconds(MAX_DEADLINE_S)) <= 0,
                key,
                value,
                "0.001.." + MAX_DEADLINE_S + " seconds");
    }

    private static void require(boolean met, String key, Object value, String allowed) {
        if (!met) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG, "option.%s=%s; expected %s".formatted(key, value, allowed));
        }
    }
}
