// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.model.config.ModelConfig;

/** Models that {@code flash.cu} has a kernel for, and its launch. */
final class FlashShape {
    /** Queries of a tile. */
    static final int QUERIES = 128;

    static final int THREADS = 128;

    private static final int SHARED_OF_128 = 81952;
    private static final int SHARED_OF_64 = 40992;

    private FlashShape() {}

    static boolean serves(ModelConfig config, ElementType type) {
        return type != ElementType.F32 && (config.headDim() == 64 || config.headDim() == 128);
    }

    static String function(ModelConfig config, ElementType type) {
        return "flash_%s_%d".formatted(type == ElementType.F16 ? "f16" : "bf16", config.headDim());
    }

    static int sharedBytes(ModelConfig config) {
        return config.headDim() == 128 ? SHARED_OF_128 : SHARED_OF_64;
    }
}
