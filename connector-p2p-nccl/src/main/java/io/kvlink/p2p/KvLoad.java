// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.receive.Expectation;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A load of the current step: which of its layers are copied into the blocks. */
final class KvLoad {

    private final StepMetadata.Task task;
    private final Expectation.Ready ready;
    private final KvLayout layout;
    private final List<MemoryRegion> layers;
    private final BitSet copied = new BitSet();
    private @Nullable List<KvLayout.Run> runs;

    KvLoad(
            StepMetadata.Task task,
            Expectation.Ready ready,
            KvLayout layout,
            List<MemoryRegion> layers) {
        this.task = task;
        this.ready = ready;
        this.layout = layout;
        this.layers = layers;
    }

    KvRequest request() {
        return task.request();
    }

    Expectation.Ready ready() {
        return ready;
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
            if (!copied.get(next) && ready.arrival().here(next)) {
                copyOne(next, mover);
            }
        }
        return true;
    }

    private void copyOne(int layer, KvMover mover) {
        if (runs == null) {
            long layerBytes = layers.get(0).bytes(); // They are all of one size.
            runs = layout.runs(task.blocks(), task.fromToken(), task.toToken(), layerBytes);
        }
        List<MemoryRegion> source =
                ready.chunks().tokens(ready.layers().get(layer), task.fromToken(), task.toToken());
        mover.load(source, layers.get(layer), runs, !ready.arrival().complete());
        copied.set(layer);
    }
}
