// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelConfig;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A text, and the reference's logits after each of its tokens: so those of everything that it
 * begins with.
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record KnownText(int[] tokens, double[][] logits) {
    private static final int LENGTH = 720;
    private static final Map<ModelShape, KnownText> KNOWN = new ConcurrentHashMap<>();

    /** A text of a shape's model, computed once in this process. */
    static KnownText of(ModelShape shape) {
        return KNOWN.computeIfAbsent(
                shape, each -> of(each.checkpoint(), LENGTH, each.vocabulary()));
    }

    private static KnownText of(TinyCheckpoint checkpoint, int length, int vocabulary) {
        int[] tokens = new Random(length).ints(length, 0, vocabulary).toArray();
        ModelConfig config = ModelConfig.parse(checkpoint.configJson(), null);
        return new KnownText(
                tokens, new ReferenceLlama(config, checkpoint.weights()).logits(tokens, 0));
    }
}
