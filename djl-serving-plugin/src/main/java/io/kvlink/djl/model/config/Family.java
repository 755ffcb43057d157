// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Model families that are served: all are Llama's arithmetic, but for biases, norms of heads and
 * windows.
 */
enum Family {
    LLAMA("llama", "LlamaForCausalLM"),
    MISTRAL("mistral", "MistralForCausalLM"),
    QWEN2("qwen2", "Qwen2ForCausalLM"),
    QWEN3("qwen3", "Qwen3ForCausalLM");

    private static final int MISTRAL_WINDOW = 4096;
    private static final int QWEN_FIRST_WINDOW_LAYER = 28;
    private static final String SLIDING_WINDOW = "sliding_window";

    private final String type;
    private final String architecture;

    Family(String type, String architecture) {
        this.type = type;
        this.architecture = architecture;
    }

    /** The family that {@code config.json} names. */
    static Family of(JsonFields config) {
        if (!config.has("architectures")) {
            String type = config.text("model_type");
            return Arrays.stream(values())
                    .filter(family -> family.type.equals(type))
                    .findFirst()
                    .orElseThrow(() -> config.unsupported("model_type", names(f -> f.type)));
        }
        List<JsonElement> named = config.array("architectures").asList();
        Family found =
                Arrays.stream(values())
                        .filter(f -> named.contains(new JsonPrimitive(f.architecture)))
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        config.unsupported(
                                                "architectures", names(f -> f.architecture)));
        if (!config.text("model_type", found.type).equals(found.type)) {
            throw config.unexpected("model_type", found.type + ", as architectures say");
        }
        return found;
    }

    private static List<String> names(Function<Family, String> name) {
        return Arrays.stream(values()).map(name).toList();
    }

    Biases biases(JsonFields config) {
        boolean attention = config.flag("attention_bias", false);
        return switch (this) {
            case LLAMA -> new Biases(attention, attention, config.flag("mlp_bias", false));
            case MISTRAL -> Biases.NONE;
            case QWEN2 -> new Biases(true, false, false);
            case QWEN3 -> new Biases(attention, attention, false);
        };
    }

    /** True if each head of q and k has an RMS norm, before it is rotated. */
    boolean headNorms() {
        return this == QWEN3;
    }

    /** A head's width if {@code config.json} doesn't say it. */
    int headDim(int hiddenSize, int heads) {
        return this == QWEN3 ? 128 : Math.max(1, hiddenSize / heads);
    }

    /** K and V heads if {@code config.json} doesn't say it. */
    int kvHeads(int heads) {
        return this == MISTRAL ? 8 : heads;
    }

    /** Number of the last tokens, itself included, that a layer's query sees; 0 is all of them. */
    int window(JsonFields config, int layer) {
        return switch (this) {
            case LLAMA -> 0;
            case MISTRAL ->
                    config.json().has(SLIDING_WINDOW)
                            ? config.count(SLIDING_WINDOW, Integer.MAX_VALUE, 0)
                            : MISTRAL_WINDOW;
            case QWEN2, QWEN3 -> slides(config, layer) ? qwenWindow(config) : 0;
        };
    }

    private static int qwenWindow(JsonFields config) {
        return config.json().has(SLIDING_WINDOW)
                ? config.count(SLIDING_WINDOW, Integer.MAX_VALUE, 0)
                : MISTRAL_WINDOW;
    }

    private static boolean slides(JsonFields config, int layer) {
        if (!config.flag("use_sliding_window", false)) {
            return false;
        }
        if (!config.has("layer_types")) {
            int first =
                    config.find("max_window_layers") == null
                            ? QWEN_FIRST_WINDOW_LAYER
                            : (int) config.number("max_window_layers", 0, 1024).orElseThrow();
            return layer >= first;
        }
        List<JsonElement> types = config.array("layer_types").asList();
        List<String> known = List.of("full_attention", "sliding_attention");
        if (layer >= types.size()
                || known.stream().noneMatch(k -> types.get(layer).equals(new JsonPrimitive(k)))) {
            throw config.unexpected("layer_types", "for each layer one of " + known);
        }
        return types.get(layer).equals(new JsonPrimitive("sliding_attention"));
    }

    /**
     * Products that add a bias.
     *
     * @param qkv those that make q, k and v
     * @param out attention's output
     * @param mlp gate, up and down
     */
    public record Biases(boolean qkv, boolean out, boolean mlp) {
        static final Biases NONE = new Biases(false, false, false);
    }
}
