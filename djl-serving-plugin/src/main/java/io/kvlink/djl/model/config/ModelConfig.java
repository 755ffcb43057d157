// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a Llama-family model, as {@code config.json} and {@code generation_config.json} of a
 * Hugging Face model directory give it.
 *
 * @param contextLength most positions of a sequence ({@code max_position_embeddings}; with YaRN
 *     what it was made for)
 * @param rope how positions turn the heads
 * @param biases which products add one
 * @param headNorms whether each head of q and k has an RMS norm of its own
 * @param windows for each layer how many of the last tokens a query sees, its own included; 0 is
 *     all of them
 * @param bosToken begins a sequence; the tokenizer adds it if its post-processor says so
 * @param eosTokens any of them ends a generation; may be empty
 * @param diskType of the weights in the file, such as {@code float16}
 * @param computeType of the weights in memory, of the products and of the KV
 */
public record ModelConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int contextLength,
        Rope rope,
        double rmsNormEps,
        boolean tiedEmbeddings,
        Family.Biases biases,
        boolean headNorms,
        List<Integer> windows,
        OptionalInt bosToken,
        List<Integer> eosTokens,
        String diskType,
        ComputeType computeType) {
    private static final String FILE = "config.json";
    static final int MAX_SIZE = 1 << 22;
    private static final int MAX_LAYERS = 1024;
    private static final List<String> DISK_TYPES = List.of("float16", "bfloat16", "float32");
    private static final List<String> EXPERTS =
            List.of("num_experts", "num_local_experts", "n_routed_experts");

    /** Refuses shapes that no Llama has. */
    public ModelConfig {
        require(heads % kvHeads == 0, "num_key_value_heads", kvHeads, "a divisor of " + heads);
        require(headDim % 2 == 0, "head_dim", headDim, "an even number");
        long width = (heads + 2L * kvHeads) * headDim;
        require(width <= MAX_SIZE, "head_dim", headDim, "(heads + 2 kv heads) x it <= " + MAX_SIZE);
        eosTokens = List.copyOf(eosTokens);
        windows = List.copyOf(windows);
    }

    /**
     * Reads {@code config.json} and, if it is there, {@code generation_config.json}.
     *
     * @throws ModelLoadException if a file is missing, malformed or asks for something unsupported
     */
    public static ModelConfig read(Path modelDirectory) {
        Path generation = modelDirectory.resolve(GenerationDefaults.FILE);
        return parse(
                JsonFields.text(modelDirectory.resolve(FILE)),
                Files.exists(generation) ? JsonFields.text(generation) : null);
    }

    public static ModelConfig parse(String configJson, @Nullable String generationJson) {
        JsonFields config = JsonFields.parse(FILE, configJson);
        Family family = Family.of(config);
        refuseUnsupported(config);
        int vocabSize = config.count("vocab_size", MAX_SIZE);
        int hiddenSize = config.count("hidden_size", MAX_SIZE);
        int heads = config.count("num_attention_heads", MAX_SIZE);
        int headDim = config.count("head_dim", MAX_SIZE, family.headDim(hiddenSize, heads));
        if (!config.has("head_dim")
                && headDim * (long) heads != hiddenSize
                && !family.headNorms()) {
            throw config.unexpected("head_dim", "a number, as heads do not divide hidden_size");
        }
        Rope rope = Rope.of(config);
        int context = rope.contextLength(config.count("max_position_embeddings", MAX_SIZE));
        int layers = config.count("num_hidden_layers", MAX_LAYERS);
        List<Integer> bos = config.ids("bos_token_id", vocabSize);
        Set<Integer> eos = new LinkedHashSet<>(config.ids("eos_token_id", vocabSize));
        if (generationJson != null) {
            eos.addAll(GenerationDefaults.parse(generationJson, vocabSize).eosTokens());
        }
        return new ModelConfig(
                vocabSize,
                hiddenSize,
                config.count("intermediate_size", MAX_SIZE),
                layers,
                heads,
                config.count("num_key_value_heads", MAX_SIZE, family.kvHeads(heads)),
                headDim,
                context,
                rope,
                config.positive("rms_norm_eps", 1e-6),
                config.flag("tie_word_embeddings", false),
                family.biases(config),
                family.headNorms(),
                windows(family, config, layers, context),
                bos.isEmpty() ? OptionalInt.empty() : OptionalInt.of(bos.get(0)),
                List.copyOf(eos),
                diskType(config),
                ComputeType.FLOAT32);
    }

    /** Copy with another type of weights, products and KV. */
    public ModelConfig computedIn(ComputeType type) {
        return with(contextLength, type);
    }

    /**
     * Copy with a shorter context.
     *
     * @param tokens most positions of a sequence; {@link Integer#MAX_VALUE} leaves it as it is
     * @throws ModelLoadException if the model's context is shorter
     */
    public ModelConfig within(int tokens) {
        if (tokens == Integer.MAX_VALUE) {
            return this;
        }
        if (tokens > contextLength) {
            throw new ModelLoadException(
                    "option.max_model_len=%d context_length=%d; expected no more than the model's context"
                            .formatted(tokens, contextLength));
        }
        return with(tokens, computeType);
    }

    private ModelConfig with(int context, ComputeType type) {
        return new ModelConfig(
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                kvHeads,
                headDim,
                context,
                rope,
                rmsNormEps,
                tiedEmbeddings,
                biases,
                headNorms,
                windows,
                bosToken,
                eosTokens,
                diskType,
                type);
    }

    /** True if this token ends a generation. */
    public boolean isEos(int token) {
        return eosTokens.contains(token);
    }

    private static void refuseUnsupported(JsonFields config) {
        requireOneOf(config, "hidden_act", config.text("hidden_act", "silu"), List.of("silu"));
        if (config.has("quantization_config")) {
            throw config.unsupported("quantization_config", List.of("null"));
        }
        for (String experts : EXPERTS) {
            if (config.has(experts)) {
                throw config.unexpected(
                        experts, "none; models that are mixtures of experts aren't served");
            }
        }
    }

    // A window that no sequence outgrows is none.
    private static List<Integer> windows(
            Family family, JsonFields config, int layers, int contextLength) {
        List<Integer> windows = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            int window = family.window(config, layer);
            windows.add(window < contextLength ? window : 0);
        }
        return windows;
    }

    private static String diskType(JsonFields config) {
        String key = config.has("dtype") ? "dtype" : "torch_dtype";
        String type = config.text(key, "float32");
        requireOneOf(config, key, type, DISK_TYPES);
        return type;
    }

    private static void requireOneOf(
            JsonFields config, String key, String found, List<String> supported) {
        if (!supported.contains(found)) {
            throw config.unsupported(key, supported);
        }
    }

    private static void require(boolean met, String key, Object value, String allowed) {
        if (!met) {
            throw new ModelLoadException(
                    "file=%s key=%s found=%s expected=%s".formatted(FILE, key, value, allowed));
        }
    }
}
