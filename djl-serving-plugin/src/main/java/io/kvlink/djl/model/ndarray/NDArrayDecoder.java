// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.model.weights.Checkpoint;
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
 * A decoder of Llama's kind on DJL's PyTorch engine, on the device of its pool. One thread, the
 * pool's; parts of a batch are computed on others while it waits.
 *
 * <p>The same tokens, position and chunking give the same bits: at any place of the pool, after
 * whatever ran before, in any process on the same kind of CPU with the same number of threads, or
 * on the same kind of GPU. Between kinds the last bits differ. On a GPU everything is enqueued on
 * the default stream, products are true float32 (libtorch leaves TF32 off unless told otherwise,
 * and nothing here does), and a layer hook's calls happen when the layer is enqueued; when {@link
 * #forward} returns or throws, the device has done all of it.
 */
public final class NDArrayDecoder implements AutoCloseable {
    private final NDManager manager;
    private final HeapShare.Lease heap;
    private final ModelConfig config;
    private final KvCachePool pool;
    private final LlamaWeights weights;
    private final List<LlamaLayer> layers = new ArrayList<>();
    private final RotaryTable rotary;
    private final boolean onHeap;
    private final RmsNorm norm;
    private final RowCounts rowCounts;
    private final Lanes lanes;

    private NDArrayDecoder(
            NDManager manager,
            HeapShare.Lease heap,
            Path directory,
            ModelConfig config,
            KvCachePool pool,
            DecodeSettings settings,
            IntPredicate triedRows) {
        this.manager = manager;
        this.heap = heap;
        this.config = config;
        this.pool = pool;
        LlamaWeights read = LlamaWeights.read(manager, directory, config);
        // A GPU takes as long for many rows as for one, and there is no heap to compute on.
        boolean gpu = manager.getDevice().isGpu();
        boolean singleRows = settings.batch() == DecodeBatch.EXACT && !gpu;
        this.weights =
                singleRows && heap.take(read.singleRowBytes())
                        ? read.withSingleRows(manager)
                        : read;
        this.norm = new RmsNorm(manager.create((float) config.rmsNormEps()));
        CausalMask mask = CausalMask.create(manager);
        int positions =
                Math.min(config.contextLength(), pool.totalBlocks() * KvCachePool.BLOCK_TOKENS);
        this.onHeap = HostRows.serve(pool.layerArray(0));
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
        // Each thread has so many rows that none of its parts is a lone row, which is computed in
        // memory that all threads would share.
        boolean apart = rowCounts.largest() >= Lanes.LEAST_ROWS;
        this.lanes = new Lanes(gpu || !apart ? 1 : settings.threads());
    }

    /**
     * Reads the weights of a model directory, from one file or from shards. The decoder borrows the
     * pool, which must have been opened with the same configuration and must outlive it.
     *
     * @throws ModelLoadException if the files don't hold what the configuration asks for
     */
    public static NDArrayDecoder load(Path modelDirectory, ModelConfig config, KvCachePool pool) {
        return load(modelDirectory, config, pool, DecodeSettings.DEFAULT);
    }

    /** The same with other batches. */
    public static NDArrayDecoder load(
            Path modelDirectory, ModelConfig config, KvCachePool pool, DecodeSettings settings) {
        return load(modelDirectory, config, pool, settings, HeapShare.OF_PROCESS, count -> true);
    }

    /**
     * Like {@link #load}, with a heap of its own.
     *
     * @param triedRows counts of rows that may be used for exact batches, if they agree
     */
    static NDArrayDecoder load(
            Path modelDirectory,
            ModelConfig config,
            KvCachePool pool,
            DecodeSettings settings,
            HeapShare share,
            IntPredicate triedRows) {
        if (!pool.fits(config)) {
            throw new IllegalArgumentException("pool was opened with another config: " + config);
        }
        NDManager manager = PyTorchRuntime.newManager(pool.device());
        HeapShare.Lease heap = share.lease();
        try {
            return new NDArrayDecoder(
                    manager, heap, modelDirectory, config, pool, settings, triedRows);
        } catch (RuntimeException | Error cause) {
            heap.close();
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
                    new LlamaLayer.Chunk(
                            slots.firstSlot(),
                            position,
                            tokens.length,
                            rotary.at(owner, position, tokens.length));
            NDArray x = embed(owner, longs(tokens));
            layers.forEach(layer -> layer(layer, x, step, hook));
            if (!wantLogits) {
                return null;
            }
            int last = tokens.length - 1;
            return logits(TorchOps.slice(x, 0, last, last + 1L)).next(config.vocabSize());
        }
    }

    /**
     * Computes the next token of several sequences at once, or in parts where the processor has no
     * exact way for so many; their K and V are written in place. As {@link DecodeBatch} says, a
     * row's bits don't depend on the others.
     *
     * @param rows of different sequences, 1 to {@link #maxBatch}
     * @param hook called once a layer, for all of them
     * @return each row's logits, one a token of the vocabulary; null where they aren't wanted
     * @throws IllegalArgumentException if a row does not fit its slots, the context or the
     *     vocabulary; nothing was written then
     */
    public List<float @Nullable []> decode(List<DecodeRow> rows, LayerHook hook) {
        for (DecodeRow row : rows) {
            require(new int[] {row.token()}, row.position(), row.slots());
        }
        if (rows.size() > rowCounts.max()) {
            throw new IllegalArgumentException(
                    "rows=%d allowed=1..%d".formatted(rows.size(), rowCounts.max()));
        }
        // A hook is called once a layer, for all rows.
        return hook == LayerHook.NONE
                ? lanes.run(rows, this::decodeApart)
                : decodeTogether(rows, hook);
    }

    /** May be called by several threads at once, with rows of different sequences. */
    private List<float @Nullable []> decodeApart(List<DecodeRow> rows) {
        List<float @Nullable []> found = new ArrayList<>();
        for (List<DecodeRow> part : rowCounts.parts(rows)) {
            found.addAll(decodeTogether(part, LayerHook.NONE));
        }
        return found;
    }

    /** Layer by layer, each part after the other. */
    private List<float @Nullable []> decodeTogether(List<DecodeRow> rows, LayerHook hook) {
        try (Scratch scratch = Scratch.open(manager)) {
            NDManager owner = scratch.manager();
            List<Part> parts =
                    rowCounts.parts(rows).stream()
                            .map(part -> part(owner, part, rowCounts.rowsFor(part.size())))
                            .toList();
            for (LlamaLayer layer : layers) {
                for (int i = 0; i < parts.size(); i++) {
                    LayerHook ofPart = new PartHook(hook, i == 0, i == parts.size() - 1);
                    layer(layer, parts.get(i).x(), parts.get(i).step(), ofPart);
                }
            }
            List<float @Nullable []> found = new ArrayList<>();
            parts.forEach(part -> found.addAll(logits(part)));
            return found;
        }
    }

    private List<float @Nullable []> logits(Part part) {
        Logits all = logits(part.x());
        List<float @Nullable []> found = new ArrayList<>();
        for (DecodeRow row : part.step().sequences()) {
            float[] logits = all.next(config.vocabSize());
            found.add(row.wantLogits() ? logits : null);
        }
        return found;
    }

    /** Most rows of one {@link #decode}. */
    public int maxBatch() {
        return rowCounts.max();
    }

    /** Most rows that are computed together: {@link #maxBatch}, or what the processor can do. */
    public int rowsTogether() {
        return rowCounts.largest();
    }

    /** In how many rows decodes are computed, as a list for an operator. */
    public String batchRows() {
        return rowCounts.toString();
    }

    /** Rows that are computed together, and what the layers so far made of them. */
    private record Part(LlamaLayer.Rows step, NDArray x) {}

    private Part part(NDManager owner, List<DecodeRow> rows, int count) {
        long[] tokens = new long[count];
        // What fills up must be some token: the first row's will do.
        Arrays.setAll(tokens, i -> rows.get(i < rows.size() ? i : 0).token());
        LlamaLayer.Places places =
                onHeap
                        ? new LlamaLayer.OnHeap(rotary.angles(rows))
                        : LlamaLayer.InEngine.of(owner, rotary, rows, count);
        LlamaLayer.Rows step = LlamaLayer.Rows.of(owner, config, rows, count, places);
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
     * The bits of a token's logits behind the first layer, whose matrices have the shapes of all
     * the others', if it is computed among {@code count} rows; empty if they differ between them.
     */
    private Optional<List<Integer>> bitsOfRow(int count) {
        KvSlots slots = pool.allocate(1);
        if (slots == null) {
            throw new IllegalStateException("the pool is full before the model is loaded");
        }
        try (Scratch scratch = Scratch.open(manager)) {
            DecodeRow row = new DecodeRow(config.vocabSize() / 2, 0, slots, true);
            List<DecodeRow> rows = Collections.nCopies(count, row);
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

    /**
     * Frees the weights; closing again does nothing. They stay if a thread doesn't stop computing
     * with them, and then this throws.
     */
    @Override
    public void close() {
        lanes.close();
        heap.close();
        manager.close();
    }
}
