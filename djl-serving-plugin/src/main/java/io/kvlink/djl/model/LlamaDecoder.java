// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A Llama-family decoder in float32 on DJL's PyTorch engine. One thread, the pool's.
 *
 * <p>The same tokens, position and chunking give the same bits: at any place of the pool, after
 * whatever ran before, in any process on the same kind of CPU with the same number of threads.
 */
public final class LlamaDecoder implements AutoCloseable {
    /**
     * Reads {@code model.safetensors} of a model directory. The decoder borrows the pool, which
     * must have been opened with the same configuration and must outlive it.
     */
    public static LlamaDecoder load(Path modelDirectory, ModelConfig config, KvCachePool pool) {
        throw new UnsupportedOperationException("being written " + modelDirectory + config + pool);
    }

    /**
     * Runs {@code tokens} through all layers as positions {@code position} onward of the sequence
     * in {@code slots}; their K and V are written in place, and positions before {@code position}
     * are read as they are in the pool when the layer's {@link LayerHook#beforeAttention} returns.
     *
     * @return the last token's logits, one a token of the vocabulary; null unless wanted
     */
    public float @Nullable [] forward(
            int[] tokens, int position, KvSlots slots, LayerHook hook, boolean wantLogits) {
        throw new UnsupportedOperationException("being written");
    }

    /** Frees the weights; closing again does nothing. */
    @Override
    public void close() {}
}
