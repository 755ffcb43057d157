// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.model.config.ModelConfig;

/** Cosines and sines of the positions, as {@code decoder.cu} reads them. */
final class RotaryAngles {
    private RotaryAngles() {}

    /**
     * The bits of float32 numbers {@code [positions, headDim]}: of each position the cosines of a
     * head's pairs, then their sines. Angles are float32 products, as the models' authors have
     * them.
     */
    static int[] bits(ModelConfig config, int positions) {
        float[] frequencies = config.rope().frequencies(config.headDim());
        float factor = config.rope().attentionFactor();
        int half = frequencies.length;
        int[] bits = new int[Math.multiplyExact(positions, 2 * half)];
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < half; i++) {
                float angle = position * frequencies[i];
                int at = position * 2 * half + i;
                bits[at] = Float.floatToRawIntBits((float) StrictMath.cos(angle) * factor);
                bits[at + half] = Float.floatToRawIntBits((float) StrictMath.sin(angle) * factor);
            }
        }
        return bits;
    }
}
