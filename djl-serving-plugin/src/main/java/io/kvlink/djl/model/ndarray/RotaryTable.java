// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.config.ModelConfig;

/**
 * Rotary position embedding, rotate-half: of a head {@code [a, b]} it makes {@code [a cos - b sin,
 * b cos + a sin]}. With the halves as an axis of their own this is {@code x * cos + flip(x) *
 * [-sin, sin]}. YaRN's factor of attention is in both tables.
 *
 * @param cos {@code [positions, 1, 1, headDim / 2]}
 * @param sin {@code [positions, 1, 2, headDim / 2]}, the first half's negated
 */
record RotaryTable(NDArray cos, NDArray sin) {
    private static final int HALVES_AXIS = 2;

    static RotaryTable create(NDManager manager, ModelConfig config, int positions) {
        int half = config.headDim() / 2;
        float[] frequencies = config.rope().frequencies(config.headDim());
        float factor = config.rope().attentionFactor();
        float[] cos = new float[Math.multiplyExact(positions, half)];
        float[] sin = new float[Math.multiplyExact(2, cos.length)];
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < half; i++) {
                float angle = position * frequencies[i];
                cos[position * half + i] = factor * (float) StrictMath.cos(angle);
                float sine = factor * (float) StrictMath.sin(angle);
                sin[2 * position * half + i] = -sine;
                sin[(2 * position + 1) * half + i] = sine;
            }
        }
        return new RotaryTable(
                manager.create(cos, new Shape(positions, 1, 1, half)),
                manager.create(sin, new Shape(positions, 1, 2, half)));
    }

    /** Views of {@code count} positions, owned by the caller's manager. */
    RotaryTable at(NDManager owner, int position, int count) {
        NDArray cosView = TorchOps.slice(cos, 0, position, position + (long) count);
        cosView.attach(owner);
        NDArray sinView = TorchOps.slice(sin, 0, position, position + (long) count);
        sinView.attach(owner);
        return new RotaryTable(cosView, sinView);
    }

    /** Copies of {@code positions}, in their order, owned by the caller's manager. */
    RotaryTable at(NDManager owner, long[] positions) {
        NDArray ids = owner.create(positions);
        return new RotaryTable(TorchOps.pick(owner, cos, ids), TorchOps.pick(owner, sin, ids));
    }

    /** Rotates {@code heads}, {@code [positions, heads, 2, headDim / 2]}, in place. */
    void rotate(NDArray heads) {
        NDArray swapped = heads.flip(HALVES_AXIS);
        swapped.muli(sin);
        heads.muli(cos);
        heads.addi(swapped);
    }
}
