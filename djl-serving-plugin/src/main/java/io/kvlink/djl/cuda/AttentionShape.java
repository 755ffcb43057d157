// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.model.config.ModelConfig;

/**
 * The variant of {@code decoder.cuh}'s attention that serves a model, and how it is launched.
 *
 * @param heads query heads of a KV head that are computed together
 * @param blocks of threads that a processor of an H200 has room for; others compute more one after
 *     another
 */
record AttentionShape(String function, int heads, int threads, int sharedBytes, int blocks) {
    private static final int MOST_HEAD_DIM = 256;
    private static final int VECTOR_BYTES = 16;
    private static final int WARP = 32;
    // Tensor cores.
    private static final int TILE_HEADS = 8;
    private static final int TILE_THREADS = 64;
    private static final int TILE_TOKENS = 32;
    private static final int TILE_STAGES = 3;
    private static final int TILE_BLOCKS = 4;
    // Other cores.
    private static final int HEADS = 4;
    private static final int WARPS = 4;
    private static final int BLOCKS = 2;

    static AttentionShape of(ModelConfig config, ElementType type) {
        int headDim = config.headDim();
        if (type != ElementType.F32 && (headDim == 64 || headDim == 128)) {
            int rows = TILE_STAGES * 2 * TILE_TOKENS + TILE_HEADS + 2;
            return new AttentionShape(
                    "attend_tiles_" + headDim,
                    TILE_HEADS,
                    TILE_THREADS,
                    rows * headDim * type.bytes(),
                    TILE_BLOCKS);
        }
        int vectors = (headDim * type.bytes() + VECTOR_BYTES - 1) / VECTOR_BYTES;
        int lanes = type == ElementType.F32 ? WARP / 2 : WARP / 4;
        while (lanes < WARP && lanes < vectors) {
            lanes *= 2;
        }
        int each = (vectors + lanes - 1) / lanes;
        int workers = WARPS * WARP / lanes;
        return new AttentionShape(
                "attend_%d_%d_%d".formatted(lanes, each, HEADS),
                HEADS,
                WARPS * WARP,
                Float.BYTES * HEADS * (headDim + workers * (headDim + 2)),
                BLOCKS);
    }

    /** Reason why no variant serves a model; empty if one does. */
    static String whyNot(ModelConfig config) {
        return config.headDim() <= MOST_HEAD_DIM
                ? ""
                : "head_dim=%d; expected %d at most".formatted(config.headDim(), MOST_HEAD_DIM);
    }
}
