// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Llama's arithmetic on DJL's PyTorch engine, from tokens to logits, on the device of its pool. One
 * thread, the pool's; parts of a batch are computed on others while it waits.
 *
 * <p>Equal tokens, position and chunking give equal bits, at any place of the pool and after
 * whatever ran before. That holds in any process on the same kind of CPU with the same number of
 * threads, or on the same kind of GPU. Between kinds the last bits differ. On a GPU everything is
 * enqueued on the default stream. Products are true float32: libtorch leaves TF32 off unless told
 * otherwise, and nothing here does. A layer hook's calls happen when the layer is enqueued. When
 * {@link #prefill} or {@link #decode} returns or throws, the device has done all of it.
 */
final class LlamaModel implements AutoCloseable {
    private final NDManager manager;
    private final ModelConfig config;
    private final KvCachePool pool;
    private final Packing packing;
    private final LlamaWeights weights;
    private final List<LlamaLayer> layers = new ArrayList<>();
    private final RotaryTable rotary;
    private final RmsNorm norm;
    private final RowCounts rowCounts;
    private final Lanes lanes;
    private final StepThreads threads;

    private LlamaModel(
            NDManager manager,
            Path directory,
            ModelConfig config,
            KvCachePool pool,
            DecodeSettings settings,
            IntPredicate triedRows) {
        this.manager = manager;
        this.config = config;
        this.pool = pool;
        this.packing = Packing.of(config, manager.getDevice());
        this.weights = LlamaWeights.read(manager, directory, config, packing);
        this.norm = new RmsNorm(manager.create((float) config.rmsNormEps()));
        CausalMask mask = CausalMask.create(manager);
        int positions =
                Math.min(config.contextLength(), pool.totalBlocks() * KvMemory.BLOCK_TOKENS);
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
        boolean gpu = manager.getDevice().isGpu();
        this.threads = StepThreads.of(config, settings.batch(), gpu ? 1 : JniUtils.getNumThreads());
        this.lanes = new Lanes(gpu ? 1 : threads.lanes(settings.threads()));
        this.rowCounts =
                switch (settings.batch()) {
                    case EXACT ->
                            RowCounts.probe(
                                    settings.maxBatch(),
                                    count ->
                                            triedRows.test(count)
                                                    ? bitsOfRow(count)
                                                    : Optional.empty());
                    case FAST -> RowCounts.all(settings.maxBatch());
                    case OFF -> RowCounts.all(1);
                };
    }

    /**
     * Reads the weights of a model directory, from one file or from shards. The model borrows the
     * pool, which must have been opened with the same configuration and must outlive it.
     *
     * @throws ModelLoadException if the files don't hold what the configuration asks for
     */
    static LlamaModel load(Path modelDirectory, ModelConfig config, KvCachePool pool) {
        return load(modelDirectory, config, pool, DecodeSettings.DEFAULT);
    }

    /** Like {@link #load(Path, ModelConfig, KvCachePool)}, with other batches. */
    static LlamaModel load(
            Path modelDirectory, ModelConfig config, KvCachePool pool, DecodeSettings settings) {
        return load(modelDirectory, config, pool, settings, count -> true);
    }

    /**
     * Like {@link #load(Path, ModelConfig, KvCachePool)}, with fewer counts of rows.
     *
     * @param triedRows counts of rows that may be used for exact batches, if they agree
     */
    static LlamaModel load(
            Path modelDirectory,
            ModelConfig config,
            KvCachePool pool,
            DecodeSettings settings,
            IntPredicate triedRows) {
        if (!pool.fits(config)) {
            throw new IllegalArgumentException("pool was opened with another config: " + config);
        }
        NDManager manager = PyTorchRuntime.newManager(pool.place());
        try {
            return new LlamaModel(manager, modelDirectory, config, pool, settings, triedRows);
        } catch (RuntimeException | Error cause) {
            manager.close();
            throw cause;
        }
    }

    /**
     * Runs chunks of different sequences through all layers, each by itself; their K and V are
     * written in place. Earlier positions are read as they are in the pool when the layer's {@link
     * LayerHook#beforeAttention} returns.
     *
     * <p>Attention's scores take {@code 8 * heads * tokens * (position + tokens)} bytes for a
     * while: long prompts are to come in chunks.
     *
     * @param hook called once a layer, for all of them
     * @return each chunk's last logits, one a token of the vocabulary; null where they aren't
     *     wanted
     * @throws IllegalArgumentException if the tokens do not fit the slots, the context or the
     *     vocabulary; nothing was written then
     */
    List<float @Nullable []> prefill(List<LogitsChunk> chunks, LayerHook hook) {
        chunks.forEach(chunk -> require(chunk.tokens(), chunk.position(), chunk.slots()));
        try (Scratch scratch = Scratch.open(manager)) {
            List<Part> parts =
                    chunks.stream().map(chunk -> part(scratch.manager(), chunk)).toList();
            throughLayers(parts, hook);
            List<float @Nullable []> found = new ArrayList<>();
            for (int i = 0; i < parts.size(); i++) {
                LogitsChunk chunk = chunks.get(i);
                int last = chunk.tokens().length - 1;
                NDArray x = parts.get(i).x();
                found.add(
                        chunk.wantLogits()
                                ? logits(TorchOps.slice(x, 0, last, last + 1L))
                                        .next(config.vocabSize())
                                : null);
            }
            return found;
        }
    }

    /** Like {@link #prefill}, of one chunk. */
    float @Nullable [] forward(
            int[] tokens, int position, KvRun slots, LayerHook hook, boolean wantLogits) {
        LogitsChunk chunk = new LogitsChunk(tokens, position, slots, wantLogits);
        return prefill(List.of(chunk), hook).get(0);
    }

    /**
     * Computes the next token of several sequences at once; their K and V are written in place. The
     * batch is cut into parts where the processor has no exact way for so many. A row's bits don't
     * depend on the others, unless {@link DecodeBatch#FAST} was asked for.
     *
     * @param rows of different sequences, 1 to {@link #maxBatch}
     * @param hook called once a layer, for all of them
     * @return each row's logits, one a token of the vocabulary; null where they aren't wanted
     * @throws IllegalArgumentException if a row does not fit its slots, the context or the
     *     vocabulary; nothing was written then
     */
    List<float @Nullable []> decode(List<LogitsRow> rows, LayerHook hook) {
        for (LogitsRow row : rows) {
            require(new int[] {row.token()}, row.position(), row.slots());
        }
        if (rows.size() > rowCounts.max()) {
            throw new IllegalArgumentException(
                    "rows=%d allowed=1..%d".formatted(rows.size(), rowCounts.max()));
        }
        // A hook is called once a layer, for all rows.
        int count = hook == LayerHook.NONE ? lanes.parts(rows.size()) : 1;
        return count == 1
                ? threads.step(1, () -> decodeTogether(rows, hook))
                : lanes.run(rows, part -> threads.step(count, () -> decodeApart(part)));
    }

    /**
     * Computes each row alone. Several threads may call this at once, with rows of different
     * sequences.
     */
    private List<float @Nullable []> decodeApart(List<LogitsRow> rows) {
        List<float @Nullable []> found = new ArrayList<>();
        for (List<LogitsRow> part : rowCounts.parts(rows)) {
            found.addAll(decodeTogether(part, LayerHook.NONE));
        }
        return found;
    }

    /** Layer by layer, each part after the other. */
    private List<float @Nullable []> decodeTogether(List<LogitsRow> rows, LayerHook hook) {
        try (Scratch scratch = Scratch.open(manager)) {
            NDManager owner = scratch.manager();
            List<List<LogitsRow>> groups = rowCounts.parts(rows);
            List<Part> parts =
                    groups.stream()
                            .map(group -> part(owner, group, rowCounts.rowsFor(group.size())))
                            .toList();
            throughLayers(parts, hook);
            List<float @Nullable []> found = new ArrayList<>();
            for (int i = 0; i < parts.size(); i++) {
                Logits all = logits(parts.get(i).x());
                for (LogitsRow row : groups.get(i)) {
                    float[] logits = all.next(config.vocabSize());
                    found.add(row.wantLogits() ? logits : null);
                }
            }
            return found;
        }
    }

    private void throughLayers(List<Part> parts, LayerHook hook) {
        for (LlamaLayer layer : layers) {
            for (int i = 0; i < parts.size(); i++) {
                LayerHook ofPart = new PartHook(hook, i == 0, i == parts.size() - 1);
                layer(layer, parts.get(i).x(), parts.get(i).step(), ofPart);
            }
        }
    }

    /** Most rows of one {@link #decode}. */
    int maxBatch() {
        return rowCounts.max();
    }

    /** Most rows that are computed together: {@link #maxBatch}, or what the processor can do. */
    int rowsTogether() {
        return rowCounts.largest();
    }

    /** Number of threads on which parts of a batch are computed. */
    int decodeThreads() {
        return lanes.count();
    }

    /** True if several rows' products take copies of the matrices made for that. */
    boolean packed() {
        return packing.wanted();
    }

    /** Row counts of decodes, as a list for an operator. */
    String batchRows() {
        return rowCounts.toString();
    }

    /** Rows that are computed together, and what the layers so far made of them. */
    private record Part(LlamaLayer.Step step, NDArray x) {}

    private Part part(NDManager owner, LogitsChunk chunk) {
        int count = chunk.tokens().length;
        LlamaLayer.Step step =
                new LlamaLayer.Chunk(
                        chunk.slots().firstSlot(),
                        chunk.position(),
                        count,
                        rotary.at(owner, chunk.position(), count));
        return new Part(step, embed(owner, longs(chunk.tokens())));
    }

    private Part part(NDManager owner, List<LogitsRow> rows, int count) {
        long[] tokens = new long[count];
        // What fills up must be some token: the first row's will do.
        Arrays.setAll(tokens, i -> rows.get(i < rows.size() ? i : 0).token());
        LlamaLayer.Rows step = LlamaLayer.Rows.of(owner, config, rotary, rows, count);
        return new Part(step, embed(owner, tokens));
    }

    private void layer(LlamaLayer layer, NDArray x, LlamaLayer.Step step, LayerHook hook) {
        NDManager owner = x.getManager();
        // What a layer leaves behind goes at once: it is many times the size of x.
        try (NDManager layerScratch = manager.newSubManager()) {
            x.attach(layerScratch);
            layer.forward(x, step, hook);
            x.attach(owner);
        }
    }

    /**
     * The bits of a token's logits behind the first layer, computed among {@code count} rows; empty
     * if the rows differ. The first layer's matrices have the shapes of all the others'.
     */
    private Optional<List<Integer>> bitsOfRow(int count) {
        KvRun slots = pool.allocate(1);
        if (slots == null) {
            throw new IllegalStateException("the pool is full before the model is loaded");
        }
        try (Scratch scratch = Scratch.open(manager)) {
            LogitsRow row = new LogitsRow(config.vocabSize() / 2, 0, slots, true);
            List<LogitsRow> rows = Collections.nCopies(count, row);
            Part part = part(scratch.manager(), rows, count);
            layer(layers.get(0), part.x(), part.step(), LayerHook.NONE);
            Logits all = logits(part.x());
            Set<List<Integer>> found = new HashSet<>();
            for (int i = 0; i < count; i++) {
                float[] logits = all.next(config.vocabSize());
                List<Integer> bits = new ArrayList<>(logits.length);
                for (float logit : logits) {
                    bits.add(Float.floatToRawIntBits(logit));
                }
                found.add(bits);
            }
            TorchOps.putColumns(
                    pool.layerArray(0),
                    slots.firstSlot(),
                    scratch.manager().zeros(new Shape(2, 1, config.kvHeads(), config.headDim())));
            return found.size() == 1 ? found.stream().findFirst() : Optional.empty();
        } finally {
            slots.release();
        }
    }

    /** Arrays that live between calls: the same number before and after each. */
    int liveArrays() {
        return manager.getManagedArrays().size() + pool.liveArrays();
    }

    private NDArray embed(NDManager scratch, long[] tokens) {
        return TorchOps.wide(TorchOps.embedding(scratch.create(tokens), weights.embedding()));
    }

    private static long[] longs(int[] tokens) {
        return Arrays.stream(tokens).asLongStream().toArray();
    }

    private Logits logits(NDArray x) {
        NDArray normed = norm.apply(x);
        normed.muli(weights.norm());
        // From a GPU this is a copy, which belongs to x's manager too.
        return new Logits(
                weights.head()
                        .apply(normed)
                        .toByteBuffer(true)
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer());
    }

    /** Rows of numbers, valid as long as the array that they are read from. */
    private record Logits(FloatBuffer left) {
        float[] next(int size) {
            float[] row = new float[size];
            left.get(row);
            return row;
        }
    }

    private void require(int[] tokens, int position, KvRun slots) {
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

    /**
     * Frees the weights; closing again does nothing. They stay if a thread doesn't stop computing
     * with them, and then this throws.
     */
    @Override
    public void close() {
        lanes.close();
        manager.close();
    }
}
