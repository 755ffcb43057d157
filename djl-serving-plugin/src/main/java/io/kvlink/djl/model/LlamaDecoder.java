// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decoder of Llama's kind on DJL's PyTorch engine, on the device of its pool. One thread, the
 * pool's.
 *
 * <p>The same tokens, position and chunking give the same bits: at any place of the pool, after
 * whatever ran before, in any process on the same kind of CPU with the same number of threads, or
 * on the same kind of GPU. Between kinds the last bits differ. On a GPU everything is enqueued on
 * the default stream, products are true float32 (libtorch leaves TF32 off unless told otherwise,
 * and nothing here does), and a layer hook's calls happen when the layer is enqueued; when {@link
 * #forward} returns or throws, the device has done all of it.
 */
public final class LlamaDecoder implements AutoCloseable {
    private final NDManager manager;
    private final ModelConfig config;
    private final KvCachePool pool;
    private final LlamaWeights weights;
    private final List<LlamaLayer> layers = new ArrayList<>();
    private final RotaryTable rotary;
    private final RmsNorm norm;

    private LlamaDecoder(NDManager manager, Path directory, ModelConfig config, KvCachePool pool) {
        this.manager = manager;
        this.config = config;
        this.pool = pool;
        this.weights = LlamaWeights.read(manager, directory, config);
        this.norm = new RmsNorm(manager.create((float) config.rmsNormEps()));
        CausalMask mask = CausalMask.create(manager);
        int positions =
                Math.min(config.contextLength(), pool.totalBlocks() * KvCachePool.BLOCK_TOKENS);
        this.rotary = RotaryTable.create(manager, config, positions);
        for (int layer = 0; layer < config.layers(); layer++) {
            layers.add(
                    new LlamaLayer(
                            layer,
                            config,
                            weights.layers().get(layer),
                            norm,
                            mask,
                            pool.layerArray(layer)));
        }
    }

    /**
     * Reads the weights of a model directory, from one file or from shards. The decoder borrows the
     * pool, which must have been opened with the same configuration and must outlive it.
     *
     * @throws ModelLoadException if the files don't hold what the configuration asks for
     */
    public static LlamaDecoder load(Path modelDirectory, ModelConfig config, KvCachePool pool) {
        if (!pool.fits(config)) {
            throw new IllegalArgumentException("pool was opened with another config: " + config);
        }
        NDManager manager = PyTorchRuntime.newManager(pool.device());
        try {
            return new LlamaDecoder(manager, modelDirectory, config, pool);
        } catch (RuntimeException | Error cause) {
            manager.close();
            throw cause;
        }
    }

    /** The files that {@link #load} reads of a directory, in the order of their names. */
    public static List<Path> weightFiles(Path modelDirectory) {
        return Checkpoint.files(modelDirectory);
    }

    /**
     * Runs {@code tokens} through all layers as positions {@code position} onward of the sequence
     * in {@code slots}; their K and V are written in place, and positions before {@code position}
     * are read as they are in the pool when the layer's {@link LayerHook#beforeAttention} returns.
     *
     * <p>Attention's scores take {@code 8 * heads * tokens * (position + tokens)} bytes for a
     * while: long prompts are to come in chunks.
     *
     * @return the last token's logits, one a token of the vocabulary; null unless wanted
     * @throws IllegalArgumentException if the tokens do not fit the slots, the context or the
     *     vocabulary; nothing was written then
     */
    public float @Nullable [] forward(
            int[] tokens, int position, KvSlots slots, LayerHook hook, boolean wantLogits) {
        require(tokens, position, slots);
        try (Scratch scratch = Scratch.open(manager)) {
            NDManager owner = scratch.manager();
            LlamaLayer.Step step =
                    new LlamaLayer.Step(
                            slots.firstSlot(),
                            position,
                            tokens.length,
                            rotary.at(owner, position, tokens.length));
            NDArray x = embed(owner, tokens);
            for (LlamaLayer layer : layers) {
                // What a layer leaves behind goes at once: it is many times the size of x.
                try (NDManager layerScratch = manager.newSubManager()) {
                    x.attach(layerScratch);
                    layer.forward(x, step, hook);
                    x.attach(owner);
                }
            }
            return wantLogits ? logits(x, tokens.length - 1) : null;
        }
    }

    /** Arrays that live between calls: the same number before and after each. */
    int liveArrays() {
        return manager.getManagedArrays().size() + pool.liveArrays();
    }

    private NDArray embed(NDManager scratch, int[] tokens) {
        long[] ids = new long[tokens.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokens[i];
        }
        return TorchOps.wide(TorchOps.embedding(scratch.create(ids), weights.embedding()));
    }

    private float[] logits(NDArray x, int row) {
        NDArray last = norm.apply(TorchOps.slice(x, 0, row, row + 1L));
        last.muli(weights.norm());
        float[] logits = new float[config.vocabSize()];
        // From a GPU this is a copy, which belongs to x's manager too.
        weights.head()
                .apply(last)
                .toByteBuffer(true)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer()
                .get(logits);
        return logits;
    }

    private void require(int[] tokens, int position, KvSlots slots) {
        slots.requireHeld();
        int limit = Math.min(slots.capacity(), config.contextLength());
        if (slots.pool() != pool) {
            throw new IllegalArgumentException("slots of another pool: " + slots);
        }
        if (tokens.length == 0 || position < 0 || position > limit - tokens.length) {
            throw new IllegalArgumentException(
                    "tokens=%d position=%d allowed=1 or more tokens at positions below %d"
                            .formatted(tokens.length, position, limit));
        }
        for (int token : tokens) {
            if (token < 0 || token >= config.vocabSize()) {
                throw new IllegalArgumentException(
                        "token=%d allowed=0..%d".formatted(token, config.vocabSize() - 1));
            }
        }
    }

    /** Frees the weights; closing again does nothing. */
    @Override
    public void close() {
        manager.close();
    }
}
