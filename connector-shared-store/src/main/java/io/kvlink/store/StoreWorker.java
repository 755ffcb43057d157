// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepMetadata.Task;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Worker's half: copies between the engine's blocks and memory, layer by layer. Files are others'
 * work, so nothing here waits. The engine's worker thread.
 */
final class StoreWorker implements KvWorker {

    /** Name in reports of the way that KV takes. */
    static final String PLANE = "shared-store";

    /** A step's load: its blocks are in memory already. */
    private record Load(Task task, StoredRequest request, List<ByteBuffer> blocks) {}

    private final Map<String, StoredRequest> requests;
    private final StoreParts parts;
    private final KvLayout layout;
    private final KvCopies copies;
    private final List<Load> loads = new ArrayList<>();
    private final List<BlockSave> saves = new ArrayList<>();
    private final List<TransferOutcome> loaded = new ArrayList<>();
    private final List<TransferOutcome> failed = new ArrayList<>();
    private final List<TransferOutcome> sent = new ArrayList<>();
    private List<MemoryRegion> regions = List.of();
    // Layers of this step that were awaited, and saved.
    private int awaited;
    private int saved;

    StoreWorker(Map<String, StoredRequest> requests, StoreParts parts, KvLayout layout) {
        this.requests = requests;
        this.parts = parts;
        this.layout = layout;
        this.copies = new KvCopies(layout, parts.blockTokens());
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        boolean fits = layers.size() == layout.layers() && regions.isEmpty();
        for (MemoryRegion layer : layers) {
            fits &=
                    layer.kind() != MemoryKind.DEVICE
                            && layer.bytes() == layers.get(0).bytes()
                            && layer.bytes() > 0
                            && layer.bytes() % layout.blockBytes() == 0;
        }
        if (!fits) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "regions=%s layers=%d blockBytes=%d; expected once, one region a layer in host memory, a whole number of blocks"
                            .formatted(layers, layout.layers(), layout.blockBytes()));
        }
        regions = List.copyOf(layers);
    }

    @Override
    public void startLoad(StepMetadata step) {
        loads.clear();
        dropSaves(); // A step that failed may have left some.
        awaited = 0;
        saved = 0;
        step.loads().forEach(this::addLoad);
        step.saves().forEach(this::addSave);
    }

    private void addLoad(Task task) {
        StoredRequest request = requests.get(task.request().id());
        List<ByteBuffer> blocks = request == null ? List.of() : request.read();
        if (request == null || blocks.size() * parts.blockTokens() < task.toToken()) {
            failed.add(failure(task, "read=" + blocks.size()));
        } else {
            loads.add(new Load(task, request, blocks));
        }
    }

    private void addSave(Task task) {
        StoredRequest request = requests.get(task.request().id());
        int size = parts.blockTokens();
        int count = (task.toToken() - task.fromToken()) / size;
        List<ByteBuffer> memory = request == null ? List.of() : memory(count);
        if (memory.size() < count) {
            parts.figures().droppedSaves.increment();
        }
        if (request == null || memory.isEmpty()) {
            return;
        }
        boolean last = task.toToken() + size > task.request().promptTokens().length;
        saves.add(
                new BlockSave(
                        request,
                        task.blocks(),
                        task.fromToken() / size,
                        memory,
                        last,
                        parts.budget()));
    }

    /** Memory for some blocks, or for the first of them. */
    private List<ByteBuffer> memory(int count) {
        List<ByteBuffer> memory = new ArrayList<>();
        while (memory.size() < count) {
            ByteBuffer block = parts.budget().tryAllocate(parts.blockBytes());
            if (block == null) {
                break;
            }
            memory.add(block);
        }
        return memory;
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        for (Load load : loads) {
            copy(layer, load);
        }
        awaited++;
    }

    private void copy(int layer, Load load) {
        int size = parts.blockTokens();
        Task task = load.task;
        for (int from = task.fromToken(); from < task.toToken(); ) {
            int block = from / size;
            int to = Math.min((block + 1) * size, task.toToken());
            copies.scatter(
                    layer, regions.get(layer), task.blocks(), from, to, load.blocks.get(block));
            from = to;
        }
    }

    @Override
    public void saveLayer(int layer) {
        for (BlockSave save : saves) {
            int block = save.firstBlock();
            for (ByteBuffer memory : save.blocks()) {
                copies.gather(layer, regions.get(layer), save.table(), block++, memory);
            }
        }
        saved++;
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        if (saved < layout.layers()) {
            dropSaves();
        }
        for (BlockSave save : saves) {
            if (save.last()) {
                sent.add(outcome(save.request(), save.bytes()));
            }
            parts.saver().take(save);
        }
        saves.clear();
        return true;
    }

    @Override
    public WorkerReport pollFinished() {
        for (Load load : loads) {
            if (awaited < layout.layers()) {
                failed.add(failure(load.task, "layers=" + awaited + "/" + layout.layers()));
            } else {
                onLoaded(load);
            }
        }
        loads.clear();
        if (sent.isEmpty() && loaded.isEmpty() && failed.isEmpty()) {
            return WorkerReport.EMPTY;
        }
        WorkerReport report = WorkerReport.of(sent, loaded, failed);
        sent.clear();
        loaded.clear();
        failed.clear();
        return report;
    }

    private void onLoaded(Load load) {
        int tokens = load.task.toToken() - load.task.fromToken();
        long bytes = layout.layers() * layout.layerBytes(tokens);
        loaded.add(outcome(load.request, bytes));
        parts.figures().loadedBlocks.add(tokens / parts.blockTokens());
        parts.figures().loadedBytes.add(bytes);
        load.request.release();
    }

    /** Lets go of saves that are not complete. */
    void dropSaves() {
        saves.forEach(BlockSave::release);
        saves.clear();
    }

    private static TransferOutcome outcome(StoredRequest request, long bytes) {
        return builder(request.request()).bytes(bytes).build();
    }

    private static TransferOutcome failure(Task task, String detail) {
        return builder(task.request()).failure(KvError.INTERNAL, detail).build();
    }

    private static TransferOutcome.Builder builder(KvRequest request) {
        return TransferOutcome.builder(request.id())
                .id(request.route().map(TransferRoute::id))
                .plane(PLANE);
    }
}
