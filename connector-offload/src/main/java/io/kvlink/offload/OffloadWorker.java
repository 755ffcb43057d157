// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepMetadata.Task;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Worker's half: copies between the engine's blocks and kept ones, layer by layer. Nothing here
 * waits. The engine's worker thread.
 */
final class OffloadWorker implements KvWorker {

    /** Name in reports of the way that KV takes. */
    static final String PLANE = "host-memory";

    /** Load of a step, from blocks that stay until it is reported. */
    private record Load(Task task, List<KeptBlock> blocks, StepCopies copies) {}

    /** Save of a step, into memory that was reserved. */
    private record Save(
            OffloadedRequest request,
            Task task,
            List<BlockHash> prompt,
            Map<BlockHash, MemoryRegion> reserved,
            StepCopies copies) {}

    private final Map<String, OffloadedRequest> requests;
    private final BlockIndex index;
    private final KvLayout layout;
    private final int blockTokens;
    private final KvCopier copier;
    private final OffloadFigures figures;
    private final List<Load> loads = new ArrayList<>();
    private final List<Save> saves = new ArrayList<>();
    private final List<TransferOutcome> loaded = new ArrayList<>();
    private final List<TransferOutcome> failed = new ArrayList<>();
    private final List<TransferOutcome> sent = new ArrayList<>();
    private List<MemoryRegion> regions = List.of();
    // Layers of this step that were awaited, and saved.
    private int awaited;
    private int saved;

    OffloadWorker(
            Map<String, OffloadedRequest> requests,
            BlockIndex index,
            KvLayout layout,
            int blockTokens,
            KvCopier copier,
            OffloadFigures figures) {
        this.requests = requests;
        this.index = index;
        this.layout = layout;
        this.blockTokens = blockTokens;
        this.copier = copier;
        this.figures = figures;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        long bytes = layers.isEmpty() ? 0 : layers.get(0).bytes();
        boolean fits =
                regions.isEmpty()
                        && layers.size() == layout.layers()
                        && bytes > 0
                        && bytes % layout.blockBytes() == 0
                        && layers.stream().allMatch(layer -> layer.bytes() == bytes)
                        && layers.stream().allMatch(copier::accepts);
        if (!fits) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "regions=%s layers=%d blockBytes=%d; expected once, one region a layer, a whole number of blocks, all where the context says"
                            .formatted(layers, layout.layers(), layout.blockBytes()));
        }
        regions = List.copyOf(layers);
    }

    @Override
    public void startLoad(StepMetadata step) {
        drop(); // A step that failed may have left some.
        step.loads().forEach(this::addLoad);
        step.saves().forEach(this::addSave);
        if (!loads.isEmpty()) {
            copier.beginLoads();
        }
    }

    private void addLoad(Task task) {
        OffloadedRequest request = requests.get(task.request().id());
        List<KeptBlock> blocks = request == null ? List.of() : request.takeHead();
        if (blocks.size() * blockTokens < task.toToken()) {
            index.release(blocks);
            failed.add(failure(task, "blocks=" + blocks.size()));
            return;
        }
        StepCopies copies = newCopies();
        for (int from = task.fromToken(); from < task.toToken(); ) {
            int block = from / blockTokens;
            int to = Math.min((block + 1) * blockTokens, task.toToken());
            copies.add(blocks.get(block).memory(), moves(task, from, to));
            from = to;
        }
        loads.add(new Load(task, blocks, copies));
    }

    private void addSave(Task task) {
        OffloadedRequest request = requests.get(task.request().id());
        if (request == null) {
            return;
        }
        int from = task.fromToken() / blockTokens;
        List<BlockHash> prompt = request.names().subList(0, task.toToken() / blockTokens);
        Map<BlockHash, MemoryRegion> reserved = index.reserve(prompt, from);
        StepCopies copies = newCopies();
        for (int i = from; i < prompt.size(); i++) {
            MemoryRegion memory = reserved.get(prompt.get(i));
            if (memory != null) {
                copies.add(memory, moves(task, i * blockTokens, (i + 1) * blockTokens));
            }
        }
        saves.add(new Save(request, task, prompt, reserved, copies));
    }

    private StepCopies newCopies() {
        return new StepCopies(layout.layerBytes(blockTokens));
    }

    private List<BlockMoves.Move> moves(Task task, int from, int to) {
        return BlockMoves.of(layout, task.blocks(), blockTokens, from, to, regions.get(0).bytes());
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        if (!loads.isEmpty()) {
            loads.forEach(load -> load.copies.load(copier, layer, regions.get(layer)));
            copier.joinLoads();
        }
        awaited++;
    }

    @Override
    public void saveLayer(int layer) {
        if (!saves.isEmpty()) {
            copier.beginSaves();
            saves.forEach(save -> save.copies.save(copier, layer, regions.get(layer)));
        }
        saved++;
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        if (saves.isEmpty()) {
            return true;
        }
        copier.joinSaves();
        if (saved < layout.layers()) {
            dropSaves();
        }
        saves.forEach(this::onSaved);
        saves.clear();
        return true;
    }

    private void onSaved(Save save) {
        long bytes = save.reserved.size() * blockBytes();
        index.keep(save.prompt, save.reserved);
        figures.savedBlocks.add(save.reserved.size());
        figures.savedBytes.add(bytes);
        long allBytes = save.request.onSaved(bytes);
        KvRequest request = save.task.request();
        int prompt = request.promptTokens().length / blockTokens * blockTokens;
        if (save.task.toToken() >= prompt && save.task.fromToken() < prompt) {
            sent.add(outcome(request).bytes(allBytes).build());
        }
    }

    @Override
    public WorkerReport pollFinished() {
        loads.forEach(this::onLoadOver);
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

    private void onLoadOver(Load load) {
        index.release(load.blocks);
        if (awaited < layout.layers()) {
            failed.add(failure(load.task, "layers=" + awaited + "/" + layout.layers()));
            return;
        }
        int tokens = load.task.toToken() - load.task.fromToken();
        long bytes = layout.layers() * layout.layerBytes(tokens);
        loaded.add(outcome(load.task.request()).bytes(bytes).build());
        figures.loadedTokens.add(tokens);
        figures.loadedBytes.add(bytes);
    }

    /** Bytes of a kept block. */
    long blockBytes() {
        return layout.layers() * layout.layerBytes(blockTokens);
    }

    private void drop() {
        loads.forEach(load -> index.release(load.blocks));
        loads.clear();
        dropSaves();
        awaited = 0;
        saved = 0;
    }

    private void dropSaves() {
        saves.forEach(save -> index.cancel(save.reserved));
        saves.clear();
    }

    private static TransferOutcome failure(Task task, String detail) {
        return outcome(task.request()).failure(KvError.INTERNAL, detail).build();
    }

    private static TransferOutcome.Builder outcome(KvRequest request) {
        return TransferOutcome.builder(request.id())
                .id(request.route().map(TransferRoute::id))
                .plane(PLANE);
    }
}
