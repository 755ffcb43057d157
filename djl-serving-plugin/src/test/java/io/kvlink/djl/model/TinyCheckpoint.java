// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * A small Llama with random weights, written as a Hugging Face directory. The weights are exact in
 * every type that a file may hold them in.
 */
public record TinyCheckpoint(Shape shape, Map<String, float[]> weights, Map<String, int[]> shapes) {
    public record Shape(
            int hidden,
            int inner,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            boolean tied,
            Kind kind) {
        public static final int VOCABULARY = 96;
        public static final int CONTEXT = 256;

        /** A plain Llama. */
        public Shape(
                int hidden,
                int inner,
                int layers,
                int heads,
                int kvHeads,
                int headDim,
                boolean tied) {
            this(hidden, inner, layers, heads, kvHeads, headDim, tied, Kind.PLAIN);
        }
    }

    /**
     * Traits that models of a family may have.
     *
     * @param family such as {@code qwen3}, whose heads have norms
     * @param biases whether products have all the biases that the family allows
     * @param window of tokens that a query sees; 0 for all. Qwen's first layer sees all
     * @param vocabulary tokens
     * @param context most tokens of a sequence
     */
    public record Kind(String family, boolean biases, int window, int vocabulary, int context) {
        static final Kind PLAIN = new Kind("llama", false, 0, Shape.VOCABULARY, Shape.CONTEXT);
    }

    public static TinyCheckpoint random(Shape shape, long seed) {
        TinyCheckpoint made =
                new TinyCheckpoint(shape, new LinkedHashMap<>(), new LinkedHashMap<>());
        Random random = new Random(seed);
        int vocabulary = shape.kind().vocabulary();
        boolean plain = shape.kind().equals(Kind.PLAIN);
        float embedding = plain || !shape.tied() ? 1 : sumScale(shape.hidden());
        made.matrix("model.embed_tokens.weight", random, embedding, vocabulary, shape.hidden());
        for (int layer = 0; layer < shape.layers(); layer++) {
            made.layer("model.layers." + layer + ".", random);
        }
        made.matrix("model.norm.weight", random, 1, shape.hidden());
        if (!shape.tied()) {
            made.product("lm_head", random, false, vocabulary, shape.hidden());
        }
        return made;
    }

    private void layer(String prefix, Random random) {
        int hidden = shape.hidden();
        int inner = shape.inner();
        int queries = shape.heads() * shape.headDim();
        int keys = shape.kvHeads() * shape.headDim();
        String family = shape.kind().family();
        boolean biases = shape.kind().biases();
        String attention = prefix + "self_attn.";
        matrix(prefix + "input_layernorm.weight", random, 1, hidden);
        product(attention + "q_proj", random, biases, queries, hidden);
        product(attention + "k_proj", random, biases, keys, hidden);
        product(attention + "v_proj", random, biases, keys, hidden);
        product(attention + "o_proj", random, biases && !family.equals("qwen2"), hidden, queries);
        if (family.equals("qwen3")) {
            matrix(attention + "q_norm.weight", random, 1, shape.headDim());
            matrix(attention + "k_norm.weight", random, 1, shape.headDim());
        }
        boolean mlpBiases = biases && family.equals("llama");
        matrix(prefix + "post_attention_layernorm.weight", random, 1, hidden);
        product(prefix + "mlp.gate_proj", random, mlpBiases, inner, hidden);
        product(prefix + "mlp.up_proj", random, mlpBiases, inner, hidden);
        product(prefix + "mlp.down_proj", random, mlpBiases, hidden, inner);
    }

    private void product(String name, Random random, boolean bias, int outs, int ins) {
        float scale = shape.kind().equals(Kind.PLAIN) ? .2f : sumScale(ins);
        matrix(name + ".weight", random, scale, outs, ins);
        if (bias) {
            matrix(name + ".bias", random, .5f, outs);
        }
    }

    /** Scale that keeps a sum of any width about 1; else attention would see one token only. */
    private static float sumScale(int terms) {
        return (float) (1.2 / Math.sqrt(terms));
    }

    private void matrix(String name, Random random, float scale, int... dimensions) {
        int size = 1;
        for (int dimension : dimensions) {
            size *= dimension;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            float value = (float) random.nextGaussian() * scale;
            // Seven bits of fraction: what a bfloat16 holds.
            values[i] = Float.intBitsToFloat(Float.floatToIntBits(value) & 0xffff0000);
        }
        weights.put(name, values);
        shapes.put(name, dimensions);
    }

    public String configJson() {
        Kind kind = shape.kind();
        JsonObject json = new JsonObject();
        json.addProperty("model_type", kind.family());
        json.addProperty("vocab_size", kind.vocabulary());
        json.addProperty("hidden_size", shape.hidden());
        json.addProperty("intermediate_size", shape.inner());
        json.addProperty("num_hidden_layers", shape.layers());
        json.addProperty("num_attention_heads", shape.heads());
        json.addProperty("num_key_value_heads", shape.kvHeads());
        json.addProperty("head_dim", shape.headDim());
        json.addProperty("max_position_embeddings", kind.context());
        json.addProperty("rms_norm_eps", 1e-5);
        json.addProperty("rope_theta", 500.0);
        json.addProperty("tie_word_embeddings", shape.tied());
        json.addProperty("attention_bias", kind.biases());
        json.addProperty("mlp_bias", kind.biases());
        json.addProperty("sliding_window", kind.window() == 0 ? null : kind.window());
        json.addProperty("use_sliding_window", kind.window() != 0);
        json.addProperty("max_window_layers", 1);
        json.addProperty("eos_token_id", 2);
        return json.toString();
    }

    public Path write(Path directory, String type) throws IOException {
        Files.writeString(directory.resolve("config.json"), configJson());
        Files.write(directory.resolve("model.safetensors"), file(type));
        return directory;
    }

    public byte[] file(String type) {
        int elementBytes = type.equals("F32") ? 4 : 2;
        JsonObject header = new JsonObject();
        int end = 0;
        for (Map.Entry<String, float[]> weight : weights.entrySet()) {
            int begin = end;
            end += weight.getValue().length * elementBytes;
            header.add(weight.getKey(), entry(type, shapes.get(weight.getKey()), begin, end));
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + end).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        weights.values().forEach(values -> put(file, type, values));
        return file.array();
    }

    private static JsonObject entry(String type, int[] shape, int begin, int end) {
        JsonObject entry = new JsonObject();
        entry.addProperty("dtype", type);
        JsonArray dimensions = new JsonArray();
        for (int dimension : shape) {
            dimensions.add(dimension);
        }
        entry.add("shape", dimensions);
        JsonArray offsets = new JsonArray();
        offsets.add(begin);
        offsets.add(end);
        entry.add("data_offsets", offsets);
        return entry;
    }

    private static void put(ByteBuffer file, String type, float[] values) {
        for (float value : values) {
            switch (type) {
                case "F32" -> file.putFloat(value);
                case "BF16" -> file.putShort((short) (Float.floatToIntBits(value) >> 16));
                default -> throw new IllegalArgumentException(type);
            }
        }
    }
}
