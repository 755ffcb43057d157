// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.model.config.ModelConfig;

/** Cosines and sines of the positions, as {@code decoder.cuh} reads them. */
final class RotaryAngles {
    private RotaryAngles() {}

    /**
     * The bits of float32 numbers {@code [count, headDim]}: of each position from {@code first} on
     * the cosines of a head's pairs, then their sines. Angles are float32 products, as the models'
     * authors have them.
     */
    static int[] bits(ModelConfig config, int first, int count) {
        float[] frequencies = config.rope().frequencies(config.headDim());
        float factor = config.rope().attentionFactor();
        int half = frequencies.length;
        int[] bits = new int[Math.multiplyExact(count, 2 * half)];
        for (int row = 0; row < count; row++) {
            for (int i = 0; i < half; i++) {
                float angle = (first + row) * frequencies[i];
                int at = row * 2 * half + i;
                bits[at] = Float.floatToRawIntBits((float) StrictMath.cos(angle) * factor);
                bits[at + half] = Float.floatToRawIntBits((float) StrictMath.sin(angle) * factor);
            }
        }
        return bits;
    }
}
