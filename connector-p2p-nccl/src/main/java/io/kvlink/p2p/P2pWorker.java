// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.arrival.LoadableKv;
import io.kvlink.p2p.internal.engine.ControlAgent;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** The worker's half. The engine's thread only; {@code sent} is filled by the control thread. */
final class P2pWorker implements KvWorker, AutoCloseable {

    private final P2pRequests requests;
    private final ControlAgent control;
    private final List<KvLayerGroup> groups;
    // Of each layer of this rank.
    private final int[] groupOfLayer;
    private final int chunkTokens;
    private final TransferMemory memory;
    private final KvMover mover;
    private final SendType sendType;
    private final long transferTimeoutNs;
    private final Queue<TransferOutcome> sent;

    private List<MemoryRegion> layers = List.of();
    private final List<KvLoad> loads = new ArrayList<>();
    // Of each group.
    private final List<List<KvMover.Save>> saves = new ArrayList<>();
    private final List<Saving> savings = new ArrayList<>();
    // Loads that have ended; their copies may still run.
    private final List<TransferOutcome> ended = new ArrayList<>();
    // Transfers whose leases the device may still be copying into.
    private final List<SavedKv> copying = new ArrayList<>();

    /** A transfer of the current step, and how many of its pieces are saved when it is done. */
    private record Saving(SavedKv outbound, int pieces) {
        boolean complete() {
            return outbound.savedPieces() == pieces;
        }
    }

    P2pWorker(
            P2pRequests requests,
            ControlAgent control,
            KvConnectorContext context,
            TransferMemory memory,
            KvMover mover,
            P2pConfig config,
            Queue<TransferOutcome> sent) {
        this.requests = requests;
        this.control = control;
        this.groups = context.groups();
        this.groupOfLayer = groupOfLayer(groups);
        this.chunkTokens = context.prefillChunk();
        this.memory = memory;
        this.mover = mover;
        this.sendType = config.sendType();
        this.transferTimeoutNs = config.transferTimeoutNs();
        this.sent = sent;
        groups.forEach(group -> saves.add(new ArrayList<>()));
    }

    private static int[] groupOfLayer(List<KvLayerGroup> groups) {
        int[] numbers = new int[groups.stream().mapToInt(group -> group.layers().size()).sum()];
        for (int number = 0; number < groups.size(); number++) {
            for (int layer : groups.get(number).layers()) {
                numbers[layer] = number;
            }
        }
        return numbers;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        boolean fits = layers.size() == groupOfLayer.length && this.layers.isEmpty();
        for (int layer = 0; fits && layer < layers.size(); layer++) {
            KvLayerGroup group = groups.get(groupOfLayer[layer]);
            MemoryRegion region = layers.get(layer);
            fits =
                    mover.accepts(region)
                            && region.bytes() == layers.get(group.layers().get(0)).bytes()
                            && region.bytes() > 0
                            && region.bytes() % group.layout().blockBytes() == 0;
        }
        if (!fits) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "regions=%s groups=%s; expected once, one region a layer, a whole number of blocks, all on the context's device or all on the host"
                            .formatted(layers, groups));
        }
        this.layers = List.copyOf(layers);
        mover.attach();
    }

    @Override
    public void startLoad(StepMetadata step) {
        mover.attach(); // Cheap, and an engine may have several devices on a thread.
        loads.clear();
        endSaves(); // A step that failed may have left some.
        for (StepMetadata.Task task : step.loads()) {
            AwaitedKv kv = requests.awaited.get(task.request().id());
            Optional<LoadableKv> loadable = kv == null ? Optional.empty() : kv.loadable();
            loadable.ifPresentOrElse(
                    here -> loads.add(new KvLoad(task, here, layers)),
                    () ->
                            ended.add(
                                    failure(
                                            task.request(),
                                            KvError.NO_SUCH_TRANSFER,
                                            "it isn't here")));
        }
        if (!loads.isEmpty()) {
            mover.beginLoads();
        }
        for (StepMetadata.Task task : step.saves()) {
            save(task);
        }
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        boolean copied = false;
        for (Iterator<KvLoad> all = loads.iterator(); all.hasNext(); ) {
            KvLoad load = all.next();
            if (!load.kv().await(layer, deadlineNs)) {
                all.remove();
                ended.add(failure(load));
                continue;
            }
            try {
                copied |= load.copy(layer, mover);
            } catch (IndexOutOfBoundsException cause) {
                all.remove();
                String detail = "blocks don't fit: " + cause;
                ended.add(failure(load.request(), KvError.INTERNAL, detail));
                continue;
            }
            if (layer == groupOfLayer.length - 1) {
                ended.add(load.outcome());
            }
        }
        if (copied) {
            mover.joinLoads();
        }
    }

    @Override
    public void saveLayer(int layer) {
        if (savings.isEmpty()) {
            return;
        }
        mover.save(layer, layers.get(layer), saves.get(groupOfLayer[layer]));
        for (Saving saving : savings) {
            control.saved(saving.outbound);
        }
        if (sendType == SendType.PUT) {
            long deadlineNs = System.nanoTime() + transferTimeoutNs;
            for (Saving saving : savings) {
                saving.outbound.awaitSent(saving.outbound.savedPieces(), deadlineNs);
            }
        }
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        boolean sentInTime = true;
        if (sendType == SendType.PUT) {
            for (Saving saving : savings) {
                sentInTime &= saving.outbound.awaitSent(saving.pieces, deadlineNs);
            }
        }
        endSaves(); // The connector holds the blocks, or a copy of them, from here on.
        return sentInTime;
    }

    @Override
    public WorkerReport pollFinished() {
        letGoOfCopied();
        if (sent.isEmpty() && ended.isEmpty()) {
            return WorkerReport.EMPTY;
        }
        List<TransferOutcome> sentNow = new ArrayList<>();
        for (TransferOutcome outcome; (outcome = sent.poll()) != null; ) {
            sentNow.add(outcome);
        }
        if (!ended.isEmpty()) {
            mover.awaitLoads(); // After the report their memory may be somebody else's.
        }
        List<TransferOutcome> loaded = new ArrayList<>();
        List<TransferOutcome> failed = new ArrayList<>();
        for (TransferOutcome outcome : ended) {
            (outcome.failure().isEmpty() ? loaded : failed).add(outcome);
        }
        ended.clear();
        return WorkerReport.of(sentNow, loaded, failed);
    }

    // Saves nothing more into the connector's own memory; what a failed step left unsaved will not
    // come.
    private void endSaves() {
        boolean copies = false;
        for (Saving saving : savings) {
            SavedKv outbound = saving.outbound;
            if (!saving.complete()) {
                control.abort(outbound);
            }
            if (!outbound.copied()) {
                outbound.letGo();
            } else {
                copies = true;
                copying.add(outbound);
            }
        }
        saves.forEach(List::clear);
        savings.clear();
        if (copies) {
            mover.joinSaves();
        }
        letGoOfCopied();
    }

    private void letGoOfCopied() {
        if (copying.isEmpty()) {
            return;
        }
        boolean copied = mover.savesCopied();
        for (Iterator<SavedKv> all = copying.iterator(); all.hasNext(); ) {
            SavedKv outbound = all.next();
            if (!copied && outbound.ended()) {
                mover.awaitSaves(); // Rare: it was given up before it was copied.
                copied = true;
            }
            if (copied) {
                all.remove();
                outbound.letGo();
            }
        }
    }

    /** The engine has stopped calling: lets go of what a last step left. */
    @Override
    public void close() {
        mover.attach();
        endSaves();
        mover.awaitSaves();
        mover.awaitLoads();
        letGoOfCopied();
    }

    private void save(StepMetadata.Task task) {
        KvRequest request = task.request();
        Chunks chunks = Chunks.of(request.transferTokens(), chunkTokens, request.attachment());
        int first = chunks.at(task.fromToken());
        int end = chunks.complete(task.toToken());
        List<Cut> cuts = new ArrayList<>();
        int pieces = 0;
        for (int number = 0; number < groups.size(); number++) {
            Chunks own = Part.all(number, groups.get(number)).of(chunks);
            for (int chunk = Math.max(first, own.skipped()); chunk < end; chunk++) {
                cuts.add(cut(number, own, chunk, task.blocks()));
            }
            pieces += groups.get(number).layers().size() * Math.max(0, end - own.skipped());
        }
        SavedKv outbound = first == 0 ? begin(request, chunks) : held(request.id());
        if (outbound == null) {
            return;
        }
        for (Cut cut : cuts) {
            saves.get(cut.group).add(cut.of(outbound));
        }
        savings.add(new Saving(outbound, pieces));
    }

    /** Place of a chunk's tokens in the layers of a group. */
    private record Cut(int group, int chunk, List<KvLayout.Run> runs, long bytes) {
        KvMover.Save of(SavedKv kv) {
            return new KvMover.Save(kv, group, chunk, runs, bytes);
        }
    }

    private Cut cut(int number, Chunks own, int chunk, BlockTable blocks) {
        KvLayerGroup group = groups.get(number);
        int from = own.from(chunk - own.skipped());
        int to = own.to(chunk - own.skipped());
        long regionBytes = layers.get(group.layers().get(0)).bytes();
        List<KvLayout.Run> runs = group.layout().runs(blocks.group(number), from, to, regionBytes);
        return new Cut(number, chunk, runs, group.layout().layerBytes(to - from));
    }

    // KV of which earlier chunks were saved; null if it has ended meanwhile.
    private @Nullable SavedKv held(String requestId) {
        SavedKv outbound = requests.saved.get(requestId);
        return outbound != null && outbound.hold() ? outbound : null;
    }

    // Null if it can't begin.
    private @Nullable SavedKv begin(KvRequest request, Chunks chunks) {
        boolean copies = sendType == SendType.GET;
        List<LayerLeases> leases = copies ? lease(request, chunks) : List.of();
        long digest = PromptDigest.of(request);
        SavedKv outbound = new SavedKv(request, groups, chunks, digest, copies, leases);
        requests.saved.put(request.id(), outbound);
        if (copies && leases.isEmpty()) {
            outbound.letGo();
            control.refuse(
                    outbound,
                    KvError.NO_SPACE,
                    "layers=%d tokens=%d; raise kv_buffer_size or mem_pool_size_gb of the producer"
                            .formatted(groupOfLayer.length, chunks.allTokens()));
            return null;
        }
        control.start(outbound);
        return outbound;
    }

    // Leases of every group, or none if there is no room for one.
    private List<LayerLeases> lease(KvRequest request, Chunks chunks) {
        List<LayerLeases> leases = new ArrayList<>();
        for (int number = 0; number < groups.size(); number++) {
            KvLayerGroup group = groups.get(number);
            int tokens = Part.all(number, group).of(chunks).allTokens();
            LayerLeases of =
                    memory.tryLease(
                            group.layers().size(), group.layout().layerBytes(tokens), request.id());
            if (of == null) {
                leases.forEach(LayerLeases::close);
                return List.of();
            }
            leases.add(of);
        }
        return leases;
    }

    private static TransferOutcome failure(KvLoad load) {
        Expectation.Failed failed = load.kv().failure();
        return failed == null
                ? failure(load.request(), KvError.DEADLINE, "a layer came too late")
                : failure(load.request(), failed.error(), failed.detail());
    }

    private static TransferOutcome failure(KvRequest request, KvError error, String detail) {
        return TransferOutcome.builder(request.id())
                .id(request.route().orElseThrow().id())
                .failure(Optional.of(error), detail)
                .build();
    }
}
