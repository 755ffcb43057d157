// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import com.google.gson.JsonPrimitive;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a Llama-family model, as {@code config.json} and {@code generation_config.json} of a
 * Hugging Face model directory give it.
 *
 * @param contextLength most positions of a sequence ({@code max_position_embeddings})
 * @param bosToken begins a sequence; the tokenizer adds it if its post-processor says so
 * @param eosTokens any of them ends a generation; may be empty
 * @param diskType of the weights in the file, such as {@code float16}; they are computed in float32
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
        double ropeTheta,
        double rmsNormEps,
        boolean tiedEmbeddings,
        OptionalInt bosToken,
        List<Integer> eosTokens,
        String diskType) {
    private static final String FILE = "config.json";
    private static final int MAX_SIZE = 1 << 22;

    /** Refuses shapes that no Llama has. */
    public ModelConfig {
        require(heads % kvHeads == 0, "num_key_value_heads", kvHeads, "a divisor of " + heads);
        require(headDim % 2 == 0, "head_dim", headDim, "an even number");
        long width = (heads + 2L * kvHeads) * headDim;
        require(width <= MAX_SIZE, "head_dim", headDim, "(heads + 2 kv heads) x it <= " + MAX_SIZE);
        eosTokens = List.copyOf(eosTokens);
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

    static ModelConfig parse(String configJson, @Nullable String generationJson) {
        JsonFields config = JsonFields.parse(FILE, configJson);
        refuseUnsupported(config);
        int vocabSize = config.count("vocab_size", MAX_SIZE);
        int hiddenSize = config.count("hidden_size", MAX_SIZE);
        int heads = config.count("num_attention_heads", MAX_SIZE);
        if (config.find("head_dim") == null && hiddenSize % heads != 0) {
            throw config.unexpected("head_dim", "a number, as heads do not divide hidden_size");
        }
        List<Integer> bos = config.ids("bos_token_id", vocabSize);
        Set<Integer> eos = new LinkedHashSet<>(config.ids("eos_token_id", vocabSize));
        if (generationJson != null) {
            eos.addAll(GenerationDefaults.parse(generationJson, vocabSize).eosTokens());
        }
        return new ModelConfig(
                vocabSize,
                hiddenSize,
                config.count("intermediate_size", MAX_SIZE),
                config.count("num_hidden_layers", 1024),
                heads,
                config.count("num_key_value_heads", MAX_SIZE, heads),
                config.count("head_dim", MAX_SIZE, Math.max(1, hiddenSize / heads)),
                config.count("max_position_embeddings", MAX_SIZE),
                ropeTheta(config),
                config.positive("rms_norm_eps", 1e-6),
                config.flag("tie_word_embeddings", false),
                bos.isEmpty() ? OptionalInt.empty() : OptionalInt.of(bos.get(0)),
                List.copyOf(eos),
                diskType(config));
    }

    /** Whether this token ends a generation. */
    public boolean isEos(int token) {
        return eosTokens.contains(token);
    }

    private static void refuseUnsupported(JsonFields config) {
        requireOneOf(config, "model_type", config.text("model_type"), List.of("llama"));
        if (config.find("architectures") != null
                && !config.array("architectures").contains(new JsonPrimitive("LlamaForCausalLM"))) {
            throw unsupported(config, "architectures", List.of("LlamaForCausalLM"));
        }
        requireOneOf(config, "hidden_act", config.text("hidden_act", "silu"), List.of("silu"));
        for (String key : List.of("attention_bias", "mlp_bias")) {
            if (config.flag(key, false)) {
                throw unsupported(config, key, List.of("false"));
            }
        }
        for (String key : List.of("rope_scaling", "quantization_config")) {
            if (config.find(key) != null) {
                throw unsupported(config, key, List.of("null"));
            }
        }
    }

    private static double ropeTheta(JsonFields config) {
        if (config.find("rope_parameters") == null) {
            return config.positive("rope_theta", 10000);
        }
        JsonFields rope = config.object("rope_parameters");
        requireOneOf(rope, "rope_type", rope.text("rope_type", "default"), List.of("default"));
        return rope.positive("rope_theta", 10000);
    }

    private static String diskType(JsonFields config) {
        String key = config.find("dtype") == null ? "torch_dtype" : "dtype";
        String type = config.text(key, "float32");
        requireOneOf(config, key, type, List.of("float16", "bfloat16", "float32"));
        return type;
    }

    private static void requireOneOf(
            JsonFields config, String key, String found, List<String> supported) {
        if (!supported.contains(found)) {
            throw unsupported(config, key, supported);
        }
    }

    private static ModelLoadException unsupported(
            JsonFields config, String key, List<String> supported) {
        return config.unexpected(
                key, "one of %s; no other model is served yet".formatted(supported));
    }

    private static void require(boolean met, String key, Object value, String allowed) {
        if (!met) {
            throw new ModelLoadException(
                    "file=%s key=%s found=%s expected=%s".formatted(FILE, key, value, allowed));
        }
    }
}
