// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.Launch;
import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.model.config.ModelConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The kernels of one model's type, loaded into a device: all of a decoder but its matrix products.
 * Each method enqueues one launch on the decoder's stream and returns; addresses are the device's.
 * The decoder's thread.
 */
final class Kernels implements AutoCloseable {
    private static final int BYTES_OF_VECTOR = 16;
    private static final int ROW_THREADS = 512;
    private static final int SWIGLU_THREADS = 256;
    private static final int SAMPLE_THREADS = 1024;
    private static final int LONE_THREADS = 512;
    private static final int LONE_VECTORS = 32 * 8;
    // All devices since Ampere have as much.
    private static final int MOST_SHARED = 96 << 10;

    private final Gpu device;
    private final ModelConfig config;
    private final ElementType type;
    private final AttentionShape shape;
    private final long stream;
    private final Launch launch;
    private final List<CudaModule> modules = new ArrayList<>();
    private final long embed;
    private final long norm;
    private final long store;
    private final long swiglu;
    private final long attend;
    private final long mark;
    private final long count;
    private final long sample;
    private final Map<Finish, Long> lone = new EnumMap<>(Finish.class);
    private final long flash;

    /**
     * Translates the kernels for the device.
     *
     * @throws io.kvlink.cuda.CudaException if the driver refuses them
     */
    Kernels(Gpu device, ModelConfig config, ElementType type, long stream) {
        this.device = device;
        this.config = config;
        this.type = type;
        this.shape = AttentionShape.of(config, type);
        this.stream = stream;
        this.launch = new Launch(device);
        try {
            CudaModule steps = load("decoder_" + type.name().toLowerCase(Locale.ROOT));
            embed = steps.function("embed_tokens");
            norm = steps.function("rms_norm");
            store = steps.function("store_kv");
            swiglu = steps.function("silu_and_mul");
            mark = steps.function("mark_prompt");
            count = steps.function("count_token");
            attend = steps.function(shape.function());
            device.allowShared(attend, shape.sharedBytes());
            for (Finish finish : Finish.values()) {
                long function = steps.function(finish.function);
                device.allowShared(function, MOST_SHARED);
                lone.put(finish, function);
            }
            sample = load("sample").function("sample");
            boolean flashes = FlashShape.serves(config, type);
            flash = flashes ? load("flash").function(FlashShape.function(config, type)) : 0;
            if (flashes) {
                device.allowShared(flash, FlashShape.sharedBytes(config));
            }
        } catch (RuntimeException | Error cause) {
            close();
            throw cause;
        }
    }

    /** True if prompts have a kernel of their own; else each of their tokens is a single query. */
    boolean flashes() {
        return flash != 0;
    }

    void embed(long rows, long lastTokens, long table, long x, int count) {
        launch.grid(count, 1, 1)
                .block(ROW_THREADS)
                .pointer(rows)
                .pointer(lastTokens)
                .pointer(table)
                .pointer(x)
                .value(config.hiddenSize())
                .run(embed, stream);
    }

    /**
     * Norms rows of {@code x} into {@code h}.
     *
     * @param bias added to {@code x} first; 0 for none
     * @param picked indices of the rows; 0 for the first {@code count}
     */
    void norm(long x, long bias, long weight, long picked, long h, int count) {
        launch.grid(count, 1, 1)
                .block(ROW_THREADS)
                .pointer(x)
                .pointer(bias)
                .pointer(weight)
                .pointer(picked)
                .pointer(h)
                .value(config.hiddenSize())
                .value((float) config.rmsNormEps())
                .run(norm, stream);
    }

    /** Rotates q of {@code count} rows and writes their k and v to the KV memory. */
    void store(long layers, int layer, int count) {
        launch.grid(count, 1, 1).block(ROW_THREADS).pointer(layers).value(layer).run(store, stream);
    }

    /**
     * Attention of single queries.
     *
     * @param fresh whether {@link #store} is part of it
     */
    void attend(long layers, int layer, boolean fresh) {
        launch.grid(attentionBlocks(), 1, 1)
                .block(shape.threads())
                .shared(shape.sharedBytes())
                .pointer(layers)
                .value(layer)
                .value(fresh ? 1 : 0)
                .run(attend, stream);
    }

    /** Blocks of threads that compute attention at a time. */
    int attentionBlocks() {
        return shape.blocks() * device.multiprocessors();
    }

    /** Work items of a row's part. */
    int attentionItems() {
        int group = config.heads() / config.kvHeads();
        return config.kvHeads() * ((group + shape.heads() - 1) / shape.heads());
    }

    /** Attention of prompts' tiles; see {@code flash.cu}. */
    void flash(FlashCall call, int tiles) {
        launch.grid(tiles, config.heads(), 1)
                .block(FlashShape.THREADS)
                .shared(FlashShape.sharedBytes(config))
                .pointer(call.qkv())
                .value((long) (config.heads() + 2 * config.kvHeads()) * config.headDim())
                .pointer(call.out())
                .value((long) config.heads() * config.headDim())
                .pointer(call.kv())
                .value(call.valueOffset())
                .pointer(call.tables())
                .value(call.maxBlocks())
                .pointer(call.chunks())
                .pointer(call.tiles())
                .value((float) (1 / Math.sqrt(config.headDim())))
                .value(config.heads())
                .value(config.kvHeads())
                .value(call.window())
                .run(flash, stream);
    }

    /** The addresses of one launch of {@link #flash}. */
    record FlashCall(
            long qkv,
            long out,
            long kv,
            long valueOffset,
            long tables,
            int maxBlocks,
            long chunks,
            long tiles,
            int window) {}

    void swiglu(long gateUp, long bias, long active, int count) {
        int inner = config.intermediateSize();
        int vectors = inner * type.bytes() / BYTES_OF_VECTOR;
        launch.grid(count, (vectors + SWIGLU_THREADS - 1) / SWIGLU_THREADS, 1)
                .block(SWIGLU_THREADS)
                .pointer(gateUp)
                .pointer(bias)
                .pointer(active)
                .value(inner)
                .run(swiglu, stream);
    }

    /** Last operation on a lone row's product. */
    enum Finish {
        /** Rounded to the model's type. */
        ELEMENTS("lone_elements"),
        /** Stores the sums as float32. */
        FLOATS("lone_floats"),
        /** Added to float32. */
        ADD("lone_add"),
        /** The matrix is gate's rows, then up's; the result is {@code silu(gate) * up}. */
        SWIGLU("lone_swiglu");

        private final String function;

        Finish(String function) {
            this.function = function;
        }
    }

    /**
     * True if a step of one row has products of its own: they need more shared memory with size.
     */
    boolean lonely() {
        int hidden = config.hiddenSize();
        int inner = config.intermediateSize();
        int heads = config.heads() * config.headDim();
        int most =
                Math.max(
                        Math.max(
                                loneShared(Finish.FLOATS, config.vocabSize(), hidden),
                                loneShared(Finish.SWIGLU, inner, hidden)),
                        Math.max(
                                loneShared(Finish.ADD, hidden, inner),
                                Math.max(
                                        loneShared(Finish.ADD, hidden, heads),
                                        loneShared(
                                                Finish.ELEMENTS,
                                                heads + 2 * config.kvHeads() * config.headDim(),
                                                hidden))));
        return most <= MOST_SHARED;
    }

    /**
     * Multiplies one row with a matrix {@code [outs, ins]}.
     *
     * @param x the row; the residual stream, which is normed first, if there is a {@code weight}
     * @param weight of the norm; 0 for none
     * @param bias 0 for none
     */
    void lone(
            Finish finish, long matrix, long x, long weight, long bias, long y, int outs, int ins) {
        launch.grid(device.multiprocessors(), 1, 1)
                .block(LONE_THREADS)
                .shared(loneShared(finish, outs, ins))
                .pointer(matrix)
                .pointer(x)
                .pointer(weight)
                .pointer(bias)
                .pointer(y)
                .value(outs)
                .value(ins)
                .value((float) config.rmsNormEps())
                .run(Objects.requireNonNull(lone.get(finish)), stream);
    }

    private int loneShared(Finish finish, int outs, int ins) {
        int vector = BYTES_OF_VECTOR / type.bytes();
        int pieces = (ins + vector * LONE_VECTORS - 1) / (vector * LONE_VECTORS);
        int rows = outs / device.multiprocessors() + 1;
        int row = (ins * type.bytes() + BYTES_OF_VECTOR - 1) / BYTES_OF_VECTOR * BYTES_OF_VECTOR;
        return row + rows * (finish == Finish.SWIGLU ? 2 : 1) * pieces * Float.BYTES;
    }

    void sample(long logits, long rows, long lastTokens, long picked, int count) {
        launch.grid(count, 1, 1)
                .block(SAMPLE_THREADS)
                .pointer(logits)
                .value(config.vocabSize())
                .pointer(rows)
                .pointer(lastTokens)
                .pointer(picked)
                .run(sample, stream);
    }

    /** Notes which tokens a prompt has, for the repetition penalty. */
    void mark(long counts, long tokens, int n) {
        launch.grid((n + ROW_THREADS - 1) / ROW_THREADS, 1, 1)
                .block(ROW_THREADS)
                .pointer(counts)
                .pointer(tokens)
                .value(n)
                .run(mark, stream);
    }

    /** Counts a token that was picked elsewhere. */
    void count(long counts, int token) {
        launch.grid(1, 1, 1).block(1).pointer(counts).value(token).run(count, stream);
    }

    @Override
    public void close() {
        modules.forEach(CudaModule::close);
        modules.clear();
    }

    private CudaModule load(String name) {
        try (InputStream in = Kernels.class.getResourceAsStream(name + ".ptx")) {
            if (in == null) {
                throw new IllegalStateException("this jar lacks " + name + ".ptx");
            }
            CudaModule module = device.load(in.readAllBytes());
            modules.add(module);
            return module;
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
