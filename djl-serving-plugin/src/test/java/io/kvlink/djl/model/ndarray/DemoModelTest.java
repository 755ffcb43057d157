// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.weights.Safetensors;
import io.kvlink.djl.sampling.Sampler;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.text.TokenDecoder;
import io.kvlink.djl.text.Tokenizer;
import java.io.BufferedReader;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DemoModelTest {
    private static final Path MODEL = TinyModels.DEMO;

    private static final String PROMPT =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";

    /** The corpus goes on with more questions, so an answer ends where its sentence does. */
    private static final String ANSWER = " Leo is in the attic.";

    @Test
    void shouldAnswerFromThePrompt() {
        ModelConfig config = ModelConfig.read(MODEL);
        try (Tokenizer tokenizer = Tokenizer.load(MODEL);
                KvCachePool pool = KvCachePool.open(config, 256);
                LlamaModel decoder = LlamaModel.load(MODEL, config, pool)) {
            KvRun slots = pool.allocate(256);
            Sampler sampler = new Sampler(SamplingParams.GREEDY);
            StringBuilder answer = new StringBuilder();

            int[] tokens = tokenizer.encode(PROMPT);
            TokenDecoder text = tokenizer.newDecoder(tokens, false);
            int position = 0;
            int token =
                    sampler.next(decoder.forward(tokens, position, slots, LayerHook.NONE, true));
            position += tokens.length;
            while (!config.isEos(token) && answer.indexOf(".") < 0) {
                answer.append(text.append(token));
                float[] logits =
                        decoder.forward(new int[] {token}, position++, slots, LayerHook.NONE, true);
                token = sampler.next(logits);
            }
            answer.append(text.rest());
            slots.release();

            assertThat(answer).hasToString(ANSWER);
        }
    }

    @Test
    void shouldAgreeWithTheReference() {
        ModelConfig config = ModelConfig.read(MODEL);
        try (Tokenizer tokenizer = Tokenizer.load(MODEL);
                KvCachePool pool = KvCachePool.open(config, 64);
                LlamaModel decoder = LlamaModel.load(MODEL, config, pool)) {
            int[] tokens = tokenizer.encode(PROMPT);
            KvRun slots = pool.allocate(tokens.length);
            float[] found = decoder.forward(tokens, 0, slots, LayerHook.NONE, true);
            double[] expected = new ReferenceLlama(config, weights(config)).logits(tokens);
            for (int token = 0; token < found.length; token++) {
                assertThat((double) found[token]).isCloseTo(expected[token], within(1e-3));
            }
        }
    }

    private static Map<String, float[]> weights(ModelConfig config) {
        long hidden = config.hiddenSize();
        long inner = config.intermediateSize();
        long queries = (long) config.heads() * config.headDim();
        long keys = (long) config.kvHeads() * config.headDim();
        Map<String, float[]> weights = new HashMap<>();
        try (Safetensors file = Safetensors.open(MODEL.resolve("model.safetensors"))) {
            put(weights, file, "model.embed_tokens.weight", config.vocabSize(), hidden);
            put(weights, file, "model.norm.weight", hidden);
            for (int layer = 0; layer < config.layers(); layer++) {
                String prefix = "model.layers." + layer + ".";
                put(weights, file, prefix + "input_layernorm.weight", hidden);
                put(weights, file, prefix + "post_attention_layernorm.weight", hidden);
                put(weights, file, prefix + "self_attn.q_proj.weight", queries, hidden);
                put(weights, file, prefix + "self_attn.k_proj.weight", keys, hidden);
                put(weights, file, prefix + "self_attn.v_proj.weight", keys, hidden);
                put(weights, file, prefix + "self_attn.o_proj.weight", hidden, queries);
                put(weights, file, prefix + "mlp.gate_proj.weight", inner, hidden);
                put(weights, file, prefix + "mlp.up_proj.weight", inner, hidden);
                put(weights, file, prefix + "mlp.down_proj.weight", hidden, inner);
            }
        }
        return weights;
    }

    private static void put(
            Map<String, float[]> weights, Safetensors file, String name, long... shape) {
        long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        FloatBuffer values = FloatBuffer.allocate((int) size);
        file.read(name, values, shape);
        weights.put(name, values.array());
    }

    @Test
    void shouldGiveTheSameBitsInAnotherProcess() throws Exception {
        int here = DemoLogits.hash(MODEL, 1);
        assertThat(DemoLogits.hash(MODEL, 9)).isEqualTo(here);
        Process other =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dai.djl.pytorch.num_threads=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                DemoLogits.class.getName(),
                                MODEL.toString(),
                                "4")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        try (BufferedReader lines = other.inputReader()) {
            assertThat(lines.readLine()).isEqualTo("hash=" + here);
        }
        assertThat(other.waitFor()).isZero();
    }
}
