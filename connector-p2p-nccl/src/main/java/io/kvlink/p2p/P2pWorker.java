// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.transfer.ControlAgent;
import io.kvlink.p2p.internal.transfer.Expectation;
import io.kvlink.p2p.internal.transfer.Outbound;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** The worker's half. The engine's thread only; {@code sent} is filled by the control thread. */
final class P2pWorker implements KvWorker {

    private record Load(StepMetadata.Task task, Expectation.Ready ready) {}

    private record Save(StepMetadata.Task task, Outbound outbound) {}

    private final P2pRequests requests;
    private final ControlAgent control;
    private final KvLayout layout;
    private final TransferMemory memory;
    private final SendType sendType;
    private final long transferTimeoutNs;
    private final Queue<TransferOutcome> sent;

    private List<MemoryRegion> layers = List.of();
    private final List<Load> loads = new ArrayList<>();
    private final List<Save> saves = new ArrayList<>();
    private final List<TransferOutcome> loaded = new ArrayList<>();
    private final List<TransferOutcome> failedLoads = new ArrayList<>();

    P2pWorker(
            P2pRequests requests,
            ControlAgent control,
            KvLayout layout,
            TransferMemory memory,
            P2pConfig config,
            Queue<TransferOutcome> sent) {
        this.requests = requests;
        this.control = control;
        this.layout = layout;
        this.memory = memory;
        this.sendType = config.sendType();
        this.transferTimeoutNs = config.transferTimeoutNs();
        this.sent = sent;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        boolean fits = layers.size() == layout.layers() && this.layers.isEmpty();
        for (MemoryRegion layer : layers) {
            fits &=
                    layer.kind().host()
                            && layer.bytes() == layers.get(0).bytes()
                            && layer.bytes() > 0
                            && layer.bytes() % layout.blockBytes() == 0;
        }
        if (!fits) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "regions=%s layers=%d blockBytes=%d; expected once, one host region a layer, a whole number of blocks"
                            .formatted(layers, layout.layers(), layout.blockBytes()));
        }
        this.layers = List.copyOf(layers);
    }

    @Override
    public void startLoad(StepMetadata step) {
        loads.clear();
        endSaves(); // A step that failed may have left some.
        for (StepMetadata.Task task : step.loads()) {
            Expectation expectation = requests.expectations.get(task.request().id());
            if (expectation != null && expectation.status() instanceof Expectation.Ready ready) {
                loads.add(new Load(task, ready));
            } else {
                failedLoads.add(failure(task.request(), KvError.NO_SUCH_TRANSFER, "it isn't here"));
            }
        }
        for (StepMetadata.Task task : step.saves()) {
            begin(task);
        }
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        for (Load load : List.copyOf(loads)) {
            StepMetadata.Task task = load.task;
            try {
                KvCopies.copy(
                        KvCopies.tokens(
                                load.ready.layers().get(layer),
                                task.request().transferTokens(),
                                task.fromToken(),
                                task.toToken()),
                        inBlocks(task, layer));
            } catch (IndexOutOfBoundsException cause) {
                loads.remove(load);
                failedLoads.add(
                        failure(task.request(), KvError.INTERNAL, "blocks don't fit: " + cause));
                continue;
            }
            if (layer == layout.layers() - 1) {
                loaded.add(load.ready.outcome());
            }
        }
    }

    @Override
    public void saveLayer(int layer) {
        for (Save save : saves) {
            Outbound outbound = save.outbound;
            if (outbound.ended()) {
                continue;
            }
            List<MemoryRegion> source = inBlocks(save.task, layer);
            if (outbound.leases() == null) {
                outbound.save(layer, source);
            } else {
                MemoryRegion held = outbound.leases().regions().get(layer);
                KvCopies.copy(source, List.of(held));
                outbound.save(layer, List.of(held));
            }
            control.saved(outbound);
        }
        if (sendType == SendType.PUT) {
            long deadlineNs = System.nanoTime() + transferTimeoutNs;
            for (Save save : saves) {
                save.outbound.awaitSent(layer, deadlineNs);
            }
        }
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        boolean sentInTime = true;
        if (sendType == SendType.PUT) {
            for (Save save : saves) {
                sentInTime &= save.outbound.awaitSent(layout.layers() - 1, deadlineNs);
            }
        }
        endSaves(); // The connector holds the blocks, or a copy of them, from here on.
        return sentInTime;
    }

    @Override
    public WorkerReport pollFinished() {
        if (sent.isEmpty() && loaded.isEmpty() && failedLoads.isEmpty()) {
            return WorkerReport.EMPTY;
        }
        List<TransferOutcome> ended = new ArrayList<>();
        for (TransferOutcome outcome; (outcome = sent.poll()) != null; ) {
            ended.add(outcome);
        }
        WorkerReport report = new WorkerReport(ended, loaded, failedLoads);
        loaded.clear();
        failedLoads.clear();
        return report;
    }

    // Saves nothing more into the connector's own memory; what a failed step left unsaved will not
    // come.
    private void endSaves() {
        for (Save save : saves) {
            if (!save.outbound.saved()) {
                control.abort(save.outbound);
            }
            save.outbound.letGo();
        }
        saves.clear();
    }

    /** The engine has stopped calling: lets go of what a last step left. */
    void close() {
        endSaves();
    }

    private void begin(StepMetadata.Task task) {
        KvRequest request = task.request();
        boolean held = sendType == SendType.GET;
        long layerBytes = layout.layerBytes(request.transferTokens());
        LayerLeases leases =
                held ? memory.tryLease(layout.layers(), layerBytes, request.id()) : null;
        long digest = PromptDigest.of(request.promptTokens(), request.transferTokens());
        Outbound outbound = new Outbound(request, layout.layers(), digest, held, leases);
        requests.outbounds.put(request.id(), outbound);
        if (held && leases == null) {
            outbound.letGo();
            control.refuse(
                    outbound,
                    KvError.NO_SPACE,
                    "layers=%d layerBytes=%d; raise kv_buffer_size or mem_pool_size_gb of the producer"
                            .formatted(layout.layers(), layerBytes));
            return;
        }
        saves.add(new Save(task, outbound));
        control.start(outbound);
    }

    private List<MemoryRegion> inBlocks(StepMetadata.Task task, int layer) {
        MemoryRegion region = layers.get(layer);
        return KvCopies.parts(
                region,
                layout.runs(task.blocks(), task.fromToken(), task.toToken(), region.bytes()));
    }

    private static TransferOutcome failure(
            KvRequest request, @Nullable KvError error, String detail) {
        return new TransferOutcome(
                request.id(),
                request.route().orElseThrow().id(),
                Optional.ofNullable(error),
                detail,
                "",
                0,
                0);
    }
}
