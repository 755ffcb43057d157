// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.CheckpointWeights;
import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.Sampler;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.text.TokenDecoder;
import io.kvlink.djl.text.Tokenizer;
import java.io.BufferedReader;
import java.nio.file.Path;
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
            double[] expected =
                    new ReferenceLlama(config, CheckpointWeights.read(MODEL)).logits(tokens);
            for (int token = 0; token < found.length; token++) {
                assertThat((double) found[token]).isCloseTo(expected[token], within(1e-3));
            }
        }
    }

    @Test
    void shouldGiveTheSameBitsInAnotherProcess() throws Exception {
        int here = DemoLogits.hash(MODEL, 1);
        assertThat(DemoLogits.hash(MODEL, 9)).isEqualTo(here);
        Process other =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
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
