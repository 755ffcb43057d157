// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class DemoModelTest {
    static final Path MODEL = Path.of("../samples/model");

    private static final String PROMPT =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";

    /** The corpus goes on with more questions, so an answer ends where its sentence does. */
    private static final String ANSWER = " Leo is in the attic.";

    @Test
    void shouldAnswerFromThePrompt() {
        ModelConfig config = ModelConfig.read(MODEL);
        try (Tokenizer tokenizer = Tokenizer.load(MODEL);
                KvCachePool pool = KvCachePool.open(config, 256);
                LlamaDecoder decoder = LlamaDecoder.load(MODEL, config, pool)) {
            KvSlots slots = pool.allocate(256);
            Sampler sampler = new Sampler(SamplingParams.GREEDY);
            TokenDecoder text = tokenizer.newDecoder();
            StringBuilder answer = new StringBuilder();

            int[] tokens = tokenizer.encode(PROMPT);
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
            answer.append(text.finish());
            slots.release();

            assertThat(answer).hasToString(ANSWER);
        }
    }
}
