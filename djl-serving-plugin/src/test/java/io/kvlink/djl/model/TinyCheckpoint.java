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
            int hidden, int inner, int layers, int heads, int kvHeads, int headDim, boolean tied) {
        public static final int VOCABULARY = 96;
        public static final int CONTEXT = 256;
    }

    public static TinyCheckpoint random(Shape shape, long seed) {
        TinyCheckpoint made =
                new TinyCheckpoint(shape, new LinkedHashMap<>(), new LinkedHashMap<>());
        Random random = new Random(seed);
        made.matrix("model.embed_tokens.weight", random, 1, Shape.VOCABULARY, shape.hidden());
        for (int layer = 0; layer < shape.layers(); layer++) {
            made.layer("model.layers." + layer + ".", random);
        }
        made.matrix("model.norm.weight", random, 1, shape.hidden());
        if (!shape.tied()) {
            made.matrix("lm_head.weight", random, .2f, Shape.VOCABULARY, shape.hidden());
        }
        return made;
    }

    private void layer(String prefix, Random random) {
        int hidden = shape.hidden();
        int queries = shape.heads() * shape.headDim();
        int keys = shape.kvHeads() * shape.headDim();
        matrix(prefix + "input_layernorm.weight", random, 1, hidden);
        matrix(prefix + "self_attn.q_proj.weight", random, .2f, queries, hidden);
        matrix(prefix + "self_attn.k_proj.weight", random, .2f, keys, hidden);
        matrix(prefix + "self_attn.v_proj.weight", random, .2f, keys, hidden);
        matrix(prefix + "self_attn.o_proj.weight", random, .2f, hidden, queries);
        matrix(prefix + "post_attention_layernorm.weight", random, 1, hidden);
        matrix(prefix + "mlp.gate_proj.weight", random, .2f, shape.inner(), hidden);
        matrix(prefix + "mlp.up_proj.weight", random, .2f, shape.inner(), hidden);
        matrix(prefix + "mlp.down_proj.weight", random, .2f, hidden, shape.inner());
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
        JsonObject json = new JsonObject();
        json.addProperty("model_type", "llama");
        json.addProperty("vocab_size", Shape.VOCABULARY);
        json.addProperty("hidden_size", shape.hidden());
        json.addProperty("intermediate_size", shape.inner());
        json.addProperty("num_hidden_layers", shape.layers());
        json.addProperty("num_attention_heads", shape.heads());
        json.addProperty("num_key_value_heads", shape.kvHeads());
        json.addProperty("head_dim", shape.headDim());
        json.addProperty("max_position_embeddings", Shape.CONTEXT);
        json.addProperty("rms_norm_eps", 1e-5);
        json.addProperty("rope_theta", 500.0);
        json.addProperty("tie_word_embeddings", shape.tied());
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
