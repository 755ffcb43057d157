// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import io.kvlink.djl.engine.DecoderParity;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.engine.Decoders;
import io.kvlink.djl.engine.LogprobCheck;
import io.kvlink.djl.engine.TokenFeed;
import io.kvlink.djl.model.CheckpointWeights;
import io.kvlink.djl.model.Expected;
import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.sampling.SampledToken;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares with what Hugging Face's transformers computes from the same files, which {@code
 * checkpoints/make.py} wrote down.
 */
class TransformersParityTest {
    // Processors round differently: of those that were tried the worst is off by 3.4e-5.
    private static final double TOLERANCE = 3e-4;
    private static final double HALF_TOLERANCE = 8e-2;

    private static final Decoders CPU = new Decoders(Device.cpu(), NDArrayDecoder::open);

    static List<String> names() throws IOException {
        return Expected.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldGiveTheLogitsAndTokensOfTransformers(String name) {
        DecoderParity.assertParity(CPU, name, ComputeType.FLOAT32, TOLERANCE);
    }

    /** Ten bits of fraction in each product: attention makes some hundredths of it. */
    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInFloat16(String name) {
        DecoderParity.assertParity(CPU, name, ComputeType.FLOAT16, HALF_TOLERANCE);
    }

    /** Seven bits of fraction. */
    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInBfloat16(String name) {
        DecoderParity.assertParity(CPU, name, ComputeType.BFLOAT16, 8 * HALF_TOLERANCE);
    }

    /** Results of transformers play no part here. */
    @ParameterizedTest
    @ValueSource(
            strings = {"llama-biases", "mistral-sliding", "qwen2", "qwen2-sliding", "qwen3-bias"})
    void shouldAgreeWithTheReference(String name) {
        DecoderSpec spec = DecoderParity.spec(CPU, name, ComputeType.FLOAT32);
        int[] tokens = new Random(5).ints(90, 0, spec.model().vocabSize()).toArray();
        double[] wanted =
                new ReferenceLlama(spec.model(), CheckpointWeights.read(spec.directory()))
                        .logits(tokens);
        try (NDArrayDecoder decoder = NDArrayDecoder.open(spec)) {
            for (int chunk : new int[] {1, 16, 90}) {
                try (TokenFeed feed = new TokenFeed(decoder, tokens)) {
                    SampledToken found = feed.prefill(tokens.length, chunk);
                    new LogprobCheck(TOLERANCE).check(found, wanted, "chunks of " + chunk);
                }
            }
        }
    }
}
