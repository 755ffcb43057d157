// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.offload.BlockMoves.Move;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/** Copies of one load or save, the same for each layer. One thread. */
final class StepCopies {

    /**
     * Part of a copy.
     *
     * @param block a kept block's memory, all its layers
     * @param moves what goes where, in every layer
     */
    private record Part(MemoryRegion block, List<Move> moves) {}

    private final long layerBytes;
    private final List<Part> parts = new ArrayList<>();

    /**
     * No copies yet.
     *
     * @param layerBytes bytes of one layer in a kept block
     */
    StepCopies(long layerBytes) {
        this.layerBytes = layerBytes;
    }

    void add(MemoryRegion block, List<Move> moves) {
        parts.add(new Part(block, moves));
    }

    void load(KvCopier copier, int number, MemoryRegion layer) {
        parts.forEach(part -> copier.load(layer, inLayer(part, number), part.moves));
    }

    void save(KvCopier copier, int number, MemoryRegion layer) {
        parts.forEach(part -> copier.save(layer, inLayer(part, number), part.moves));
    }

    private MemoryRegion inLayer(Part part, int number) {
        return part.block.slice(number * layerBytes, layerBytes);
    }
}
