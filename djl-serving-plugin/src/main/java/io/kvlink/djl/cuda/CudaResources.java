// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.CudaException;
import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.blas.Cublas;
import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.cuda.kv.CudaKvMemory;
import io.kvlink.djl.cuda.kv.TableWriter;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Resources of a decoder on its device: kernels, weights, workspace, KV memory, graphs. They are
 * opened in this order and closed in the reverse one. Opened, used and closed by one thread.
 */
final class CudaResources implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(CudaResources.class);

    private static final long CUBLAS_BYTES = 32 << 20;
    // What graphs, events and libraries take besides.
    private static final long RESERVE_BYTES = 512L << 20;
    private static final int DECODES_AHEAD = 3;
    private static final int PREFILLS_AHEAD = 2;
    private static final int MORE_SEQUENCES = 64;
    private static final int ROTARY_ROWS = 4096;

    private final CudaSettings settings;
    private final ModelConfig config;
    private final ElementType type;
    private final Gpu device;
    private final long stream;
    private final CudaKvMemory memory;
    private final Pickers pickers;
    private final DecodeSteps decodes;
    private final PrefillSteps prefills;
    private final Deque<Runnable> open;

    private CudaResources(CudaSettings settings, ModelConfig config, Deque<Runnable> open) {
        this.settings = settings;
        this.config = config;
        this.open = open;
        this.type = ElementType.valueOf(config.computeType().kvType().name());
        this.device = opened(Gpu.open(settings.ordinal()));
        long freeAtStart = device.freeBytes();
        this.stream = device.newStream();
        open.push(() -> device.destroyStream(stream));
        Kernels kernels = opened(new Kernels(device, config, type, stream));
        Cublas cublas = cublas();
        CudaWeights weights = weights();
        Workspace space = workspace();
        int blocks = kvBlocks(freeAtStart, device.freeBytes());
        this.memory = opened(new CudaKvMemory(device, stream, config, blocks, sequences()));
        TableWriter writer = opened(new TableWriter(device, stream));
        this.pickers = opened(pickers(kernels, writer, space));
        StepTools tools =
                new StepTools(
                        device,
                        stream,
                        kernels,
                        new LayerPass(config, type, kernels, cublas, weights, space),
                        space,
                        memory,
                        AttentionLayers.windows(config));
        Attention attention = attention(writer, weights, space, rotary(writer));
        this.decodes = opened(decodes(tools, attention));
        this.prefills = opened(prefills(tools, attention));
        prepare(space);
        log.info(
                "device=gpu{} ({}) dtype={} weights_mib={} workspace_mib={} kv_mib={}"
                        + " kv_cache_tokens={}",
                device.ordinal(),
                device.name(),
                config.computeType().key(),
                weights.bytes() >> 20,
                space.bytes() >> 20,
                ((long) blocks * config.layers() * 2 * CudaKvMemory.blockBytes(config)) >> 20,
                (long) blocks * KvMemory.BLOCK_TOKENS);
        log.info("device=gpu{} flash={}", device.ordinal(), kernels.flashes());
    }

    private Cublas cublas() {
        long workspace = allocated(CUBLAS_BYTES);
        Cublas cublas = opened(Cublas.open(device, workspace, CUBLAS_BYTES));
        cublas.setStream(stream);
        return cublas;
    }

    private CudaWeights weights() {
        CudaWeights.Plan plan = CudaWeights.plan(config);
        long block = allocated(plan.weights().bytes());
        settings.loader().load(device, stream, plan.tensors(), block);
        return plan.at(block);
    }

    private Workspace workspace() {
        int rows = Math.max(settings.maxPrefill(), settings.maxBatch());
        Workspace space =
                Workspace.allocate(device, stream, config, rows, settings.maxBatch(), sequences());
        open.push(() -> device.free(space.block()));
        return space;
    }

    /** Most sequences with slots, and most answers with a picker. */
    private int sequences() {
        return 4 * settings.maxRunning() + MORE_SEQUENCES;
    }

    private Pickers pickers(Kernels kernels, TableWriter writer, Workspace space) {
        return new Pickers(
                device,
                kernels,
                writer,
                stream,
                space.lastTokens(),
                config.vocabSize(),
                sequences());
    }

    /** Writes the structs {@code Attention} of steps with an input; their address. */
    private interface Attention {
        long at(long input, StepLayout layout);
    }

    private Attention attention(
            TableWriter writer, CudaWeights weights, Workspace space, long rotary) {
        return (input, layout) -> {
            int[] structs =
                    AttentionLayers.structs(config, weights, space, memory, rotary, input, layout);
            long address = allocated((long) structs.length * Integer.BYTES);
            writer.write(address, structs);
            return address;
        };
    }

    private DecodeSteps decodes(StepTools tools, Attention attention) {
        StepLayout layout =
                new StepLayout(
                        settings.maxBatch(),
                        settings.maxBatch() * Workspace.MAX_PARTS,
                        tools.windows().size(),
                        0,
                        0,
                        settings.maxBatch());
        Kernels kernels = tools.kernels();
        return new DecodeSteps(
                tools,
                place(layout, attention, DECODES_AHEAD),
                settings.exact()
                        ? RowBuckets.exact(settings.maxBatch())
                        : RowBuckets.fast(settings.maxBatch()),
                new PartPlan(
                        settings.exact(), kernels.attentionItems(), kernels.attentionBlocks()));
    }

    private PrefillSteps prefills(StepTools tools, Attention attention) {
        StepLayout layout =
                new StepLayout(
                        settings.maxPrefill(),
                        tools.kernels().flashes() ? 0 : settings.maxPrefill(),
                        tools.windows().size(),
                        settings.maxBatch(),
                        settings.maxPrefill() / FlashShape.QUERIES + settings.maxBatch(),
                        settings.maxBatch());
        return new PrefillSteps(
                tools, place(layout, attention, PREFILLS_AHEAD), config.windows(), type.bytes());
    }

    private StepPlace place(StepLayout layout, Attention attention, int ahead) {
        long input = allocated(layout.bytes());
        int outputBytes = settings.maxBatch() * CudaPicks.BYTES;
        return new StepPlace(
                layout,
                input,
                attention.at(input, layout),
                new StepRing(device, ahead, layout.bytes(), outputBytes));
    }

    /** Captures graphs and warms up, so that the first requests needn't wait for that. */
    private void prepare(Workspace space) {
        long start = System.nanoTime();
        log.info("device=gpu{} captures graphs={}", device.ordinal(), decodes.counts());
        decodes.capture();
        new WarmUp(memory, prefills, settings.maxPrefill()).run();
        log.info(
                "device=gpu{} is ready after ms={}",
                device.ordinal(),
                (System.nanoTime() - start) / 1_000_000);
        if (settings.exact() && !rowPlaces(space.logits()).agree()) {
            log.warn(
                    "decode_batch=exact: this cuBLAS computes rows of one step differently by their"
                            + " places, so answers may depend on others after all");
        }
    }

    /**
     * Opens everything; if that throws, nothing is left open.
     *
     * @throws CudaException if the driver refuses something
     * @throws ModelLoadException if the weights aren't what the configuration asks for, or the
     *     device has too little memory
     */
    static CudaResources open(CudaSettings settings, ModelConfig config) {
        Deque<Runnable> open = new ArrayDeque<>();
        try {
            return new CudaResources(settings, config, open);
        } catch (RuntimeException | Error cause) {
            closeAll(open, cause);
            if (cause instanceof CudaException failure && failure.outOfMemory()) {
                throw new ModelLoadException(
                        ("device=gpu%d has too little free memory: %s; option.kv_cache_tokens,"
                                        + " option.gpu_memory_utilization, option.max_batch,"
                                        + " option.prefill_chunk, option.max_running and"
                                        + " option.max_model_len say how much is taken")
                                .formatted(settings.ordinal(), failure.getMessage()),
                        cause);
            }
            throw cause;
        }
    }

    private int kvBlocks(long freeAtStart, long free) {
        if (settings.kvCacheTokens().isPresent()) {
            return KvMemory.blocksFor(settings.kvCacheTokens().getAsInt());
        }
        long taken = freeAtStart - free;
        long share = (long) (settings.memoryUtilization() * device.totalBytes()) - taken;
        long room = Math.min(share, free) - RESERVE_BYTES - tableBytes();
        long blockBytes = 2L * config.layers() * CudaKvMemory.blockBytes(config);
        long blocks = room / blockBytes;
        if (blocks < 1) {
            throw new ModelLoadException(
                    ("device=gpu%d total_mib=%d free_mib=%d gpu_memory_utilization=%s leaves no"
                                    + " memory for KV; expected more, or option.kv_cache_tokens")
                            .formatted(
                                    device.ordinal(),
                                    device.totalBytes() >> 20,
                                    freeAtStart >> 20,
                                    settings.memoryUtilization()));
        }
        return (int) Math.min(blocks, Integer.MAX_VALUE / KvMemory.BLOCK_TOKENS);
    }

    private RowPlaces rowPlaces(long logits) {
        return new RowPlaces(
                device, stream, memory, decodes, logits, config.vocabSize(), settings.maxBatch());
    }

    /** Bytes of the tables of blocks and of positions, at most. */
    private long tableBytes() {
        long tables =
                (long) sequences()
                        * (KvMemory.blocksFor(config.contextLength()) + 1)
                        * Integer.BYTES;
        return tables + (long) config.contextLength() * config.headDim() * Float.BYTES;
    }

    private long rotary(TableWriter writer) {
        int positions =
                Math.min(config.contextLength(), memory.totalBlocks() * KvMemory.BLOCK_TOKENS);
        long row = (long) config.headDim() * Float.BYTES;
        long address = allocated(positions * row);
        for (int first = 0; first < positions; first += ROTARY_ROWS) {
            int count = Math.min(ROTARY_ROWS, positions - first);
            writer.write(address + first * row, RotaryAngles.bits(config, first, count));
        }
        return address;
    }

    CudaKvMemory memory() {
        return memory;
    }

    Pickers pickers() {
        return pickers;
    }

    DecodeSteps decodes() {
        return decodes;
    }

    PrefillSteps prefills() {
        return prefills;
    }

    /** Waits until the device has done all that was enqueued. */
    void synchronize() {
        device.synchronizeStream(stream);
    }

    private long allocated(long bytes) {
        long address = device.allocate(bytes);
        open.push(() -> device.free(address));
        return address;
    }

    private <T extends AutoCloseable> T opened(T resource) {
        open.push(
                () -> {
                    try {
                        resource.close();
                    } catch (RuntimeException unchecked) {
                        throw unchecked;
                    } catch (Exception cause) {
                        throw new IllegalStateException(cause);
                    }
                });
        return resource;
    }

    @Override
    public void close() {
        RuntimeException failure = new IllegalStateException("not all of the device was freed");
        if (!open.isEmpty()) {
            open.push(this::synchronize);
        }
        if (closeAll(open, failure)) {
            throw failure;
        }
    }

    /** Adds what is thrown to a failure; whether anything was. */
    private static boolean closeAll(Deque<Runnable> open, Throwable failure) {
        boolean failed = false;
        while (!open.isEmpty()) {
            try {
                open.pop().run();
            } catch (RuntimeException | Error cause) {
                failure.addSuppressed(cause);
                failed = true;
            }
        }
        return failed;
    }
}
