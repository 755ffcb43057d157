// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.TinyCheckpoint.Kind;
import io.kvlink.djl.model.TinyCheckpoint.Shape;

/** Shapes of models for which decoders may have kernels of their own: heads, groups, windows. */
@SuppressWarnings("ImmutableEnumChecker") // Nobody changes a shape.
public enum ModelShape {
    HEADS_OF_16(64, 96, 2, 4, 2, 16, false, kind("llama", true, 0, 97)),
    HEADS_OF_32_TIED(72, 104, 2, 4, 4, 32, true, kind("qwen2", true, 0, 101)),
    HEADS_OF_64_GROUPS_OF_1(64, 96, 2, 2, 2, 64, false, kind("llama", false, 0, 99)),
    HEADS_OF_64_GROUPS_OF_4(128, 200, 2, 8, 2, 64, false, kind("llama", false, 0, 128)),
    HEADS_OF_64_GROUPS_OF_7(64, 96, 2, 14, 2, 64, false, kind("qwen2", true, 0, 131)),
    HEADS_OF_64_GROUPS_OF_8_NORMS(64, 96, 2, 16, 2, 64, true, kind("qwen3", true, 0, 97)),
    HEADS_OF_64_GROUPS_OF_12(72, 96, 2, 12, 1, 64, false, kind("llama", true, 0, 97)),
    HEADS_OF_64_WINDOW(64, 96, 3, 8, 2, 64, false, kind("qwen2", true, 40, 97)),
    HEADS_OF_80(80, 120, 2, 6, 2, 80, false, kind("llama", false, 0, 103)),
    HEADS_OF_96_WINDOW(64, 96, 2, 4, 1, 96, true, kind("mistral", false, 37, 97)),
    HEADS_OF_128_GROUPS_OF_1(64, 96, 2, 2, 2, 128, true, kind("llama", true, 0, 97)),
    HEADS_OF_128_GROUPS_OF_4_NORMS(64, 96, 2, 4, 1, 128, false, kind("qwen3", false, 0, 113)),
    HEADS_OF_128_GROUPS_OF_7(64, 96, 2, 7, 1, 128, false, kind("qwen2", true, 0, 97)),
    HEADS_OF_128_GROUPS_OF_8(64, 96, 2, 16, 2, 128, false, kind("llama", false, 0, 97)),
    HEADS_OF_128_GROUPS_OF_12(64, 96, 1, 12, 1, 128, false, kind("qwen3", true, 0, 97)),
    HEADS_OF_128_WINDOW_OF_1(64, 96, 2, 4, 2, 128, false, kind("mistral", false, 1, 97)),
    HEADS_OF_128_WINDOW(64, 96, 2, 8, 2, 128, false, kind("mistral", false, 37, 97)),
    HEADS_OF_128_WIDE_WINDOW(64, 96, 2, 4, 1, 128, false, kind("mistral", false, 300, 97)),
    HEADS_OF_256(64, 96, 2, 4, 1, 256, false, kind("llama", false, 0, 97)),
    WIDE(2056, 64, 1, 2, 1, 64, false, kind("llama", true, 0, 97)),
    WIDE_INSIDE(64, 2312, 1, 2, 1, 128, true, kind("llama", false, 0, 1003));

    /** Most tokens of a sequence. */
    static final int CONTEXT = 768;

    private final Shape shape;

    ModelShape(
            int hidden,
            int inner,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            boolean tied,
            Kind kind) {
        this.shape = new Shape(hidden, inner, layers, heads, kvHeads, headDim, tied, kind);
    }

    private static Kind kind(String family, boolean biases, int window, int vocabulary) {
        return new Kind(family, biases, window, vocabulary, CONTEXT);
    }

    /** Random weights, the same ones each time. */
    TinyCheckpoint checkpoint() {
        return TinyCheckpoint.random(shape, name().hashCode());
    }

    /** Tokens of the vocabulary. */
    int vocabulary() {
        return shape.kind().vocabulary();
    }
}
