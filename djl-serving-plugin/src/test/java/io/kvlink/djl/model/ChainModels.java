// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import com.google.gson.JsonObject;
import io.kvlink.djl.text.TokenizerKinds;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Models that answer with fixed tokens: each token is followed by one other, whatever is before.
 */
public final class ChainModels {

    private static final int HIDDEN = 64;
    private static final int INNER = 16;

    private ChainModels() {}

    /**
     * Writes a model with a small tokenizer.
     *
     * @param chains tokens that follow one another; no token may be followed by two others
     */
    public static Path write(Path directory, TokenizerKinds kind, List<List<String>> chains) {
        List<String> tokens = kind.tokens();
        float[] rows = unitRows(kind.vocabulary());
        float[] head = new float[rows.length];
        for (List<String> chain : chains) {
            for (int i = 1; i < chain.size(); i++) {
                int now = tokens.indexOf(chain.get(i - 1)) * HIDDEN;
                int then = tokens.indexOf(chain.get(i)) * HIDDEN;
                for (int k = 0; k < HIDDEN; k++) {
                    head[then + k] += 8 * rows[now + k];
                }
            }
        }
        try {
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("tokenizer.json"), kind.json().toString());
            Files.writeString(directory.resolve("config.json"), config(kind.vocabulary()));
            Files.write(
                    directory.resolve("model.safetensors"),
                    checkpoint(kind.vocabulary(), rows, head).file("F32"));
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return directory;
    }

    private static float[] unitRows(int count) {
        Random random = new Random(3);
        float[] rows = new float[count * HIDDEN];
        for (int row = 0; row < rows.length; row += HIDDEN) {
            double squares = 0;
            for (int i = row; i < row + HIDDEN; i++) {
                rows[i] = (float) random.nextGaussian();
                squares += rows[i] * rows[i];
            }
            for (int i = row; i < row + HIDDEN; i++) {
                rows[i] /= (float) Math.sqrt(squares);
            }
        }
        return rows;
    }

    /** One layer that adds nothing. */
    private static TinyCheckpoint checkpoint(int vocabulary, float[] rows, float[] head) {
        Map<String, float[]> weights = new LinkedHashMap<>();
        Map<String, int[]> shapes = new LinkedHashMap<>();
        TinyCheckpoint made = new TinyCheckpoint(null, weights, shapes);
        weights.put("model.embed_tokens.weight", rows);
        shapes.put("model.embed_tokens.weight", new int[] {vocabulary, HIDDEN});
        weights.put("lm_head.weight", head);
        shapes.put("lm_head.weight", new int[] {vocabulary, HIDDEN});
        put(made, "model.norm.weight", 1, HIDDEN);
        String layer = "model.layers.0.";
        put(made, layer + "input_layernorm.weight", 1, HIDDEN);
        put(made, layer + "post_attention_layernorm.weight", 1, HIDDEN);
        for (String name : List.of("q", "k", "v")) {
            put(made, layer + "self_attn." + name + "_proj.weight", .01f, HIDDEN, HIDDEN);
        }
        put(made, layer + "self_attn.o_proj.weight", 0, HIDDEN, HIDDEN);
        put(made, layer + "mlp.gate_proj.weight", .01f, INNER, HIDDEN);
        put(made, layer + "mlp.up_proj.weight", .01f, INNER, HIDDEN);
        put(made, layer + "mlp.down_proj.weight", 0, HIDDEN, INNER);
        return made;
    }

    private static void put(TinyCheckpoint made, String name, float value, int... shape) {
        int size = 1;
        for (int dimension : shape) {
            size *= dimension;
        }
        float[] values = new float[size];
        Arrays.fill(values, value);
        made.weights().put(name, values);
        made.shapes().put(name, shape);
    }

    private static String config(int vocabulary) {
        JsonObject json = new JsonObject();
        json.addProperty("model_type", "llama");
        json.addProperty("vocab_size", vocabulary);
        json.addProperty("hidden_size", HIDDEN);
        json.addProperty("intermediate_size", INNER);
        json.addProperty("num_hidden_layers", 1);
        json.addProperty("num_attention_heads", 4);
        json.addProperty("max_position_embeddings", 256);
        json.addProperty("rms_norm_eps", 1e-5);
        json.addProperty("bos_token_id", TokenizerKinds.BEGIN);
        json.addProperty("eos_token_id", TokenizerKinds.END);
        return json.toString();
    }
}
