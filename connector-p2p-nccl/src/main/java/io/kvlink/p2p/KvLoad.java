// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.arrival.LoadableKv;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.List;

/** A load of the current step: which of its layers are copied into the blocks. */
final class KvLoad {

    private final StepMetadata.Task task;
    private final LoadableKv kv;
    private final List<MemoryRegion> layers;
    private final BitSet copied = new BitSet();
    // Of each source, once a layer of it is copied.
    private final IdentityHashMap<LoadableKv.Source, List<KvLayout.Run>> runs =
            new IdentityHashMap<>();

    KvLoad(StepMetadata.Task task, LoadableKv kv, List<MemoryRegion> layers) {
        this.task = task;
        this.kv = kv;
        this.layers = layers;
    }

    KvRequest request() {
        return task.request();
    }

    LoadableKv kv() {
        return kv;
    }

    /** Outcome of the load, once all layers are copied. */
    TransferOutcome outcome() {
        TransferId id = task.request().route().orElseThrow().id();
        return kv.outcome().toBuilder().id(id).build();
    }

    /**
     * Copies a layer that is here, and those behind it if that costs the caller nothing.
     *
     * @return false if it was copied before
     * @throws IndexOutOfBoundsException if the blocks aren't in the engine's memory
     */
    boolean copy(int layer, KvMover mover) {
        if (copied.get(layer)) {
            return false;
        }
        copyOne(layer, mover);
        for (int next = layer + 1; mover.enqueues() && next < layers.size(); next++) {
            if (!copied.get(next) && kv.here(next)) {
                copyOne(next, mover);
            }
        }
        return true;
    }

    private void copyOne(int layer, KvMover mover) {
        boolean moreToCome = !kv.complete();
        for (LoadableKv.Source source : kv.sources()) {
            int index = source.part().indexOf(layer);
            if (index >= 0) {
                Expectation.Ready ready = source.ready();
                MemoryRegion received = ready.layers().get(index);
                int arrays = source.part().layout().arrays();
                List<MemoryRegion> tokens =
                        ready.chunks().tokens(received, from(source), task.toToken(), arrays);
                mover.load(tokens, layers.get(layer), runs(source, layer), moreToCome);
            }
        }
        copied.set(layer);
    }

    private int from(LoadableKv.Source source) {
        return Math.max(task.fromToken(), source.ready().chunks().first());
    }

    // The layers of a group are of one size.
    private List<KvLayout.Run> runs(LoadableKv.Source source, int layer) {
        Part part = source.part();
        return runs.computeIfAbsent(
                source,
                one ->
                        part.layout()
                                .runs(
                                        task.blocks().group(part.number()),
                                        from(source),
                                        task.toToken(),
                                        layers.get(layer).bytes(),
                                        part.firstHead(),
                                        part.heads()));
    }
}
