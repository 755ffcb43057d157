// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import java.util.List;

/**
 * One layer's attention of a batch in which each row is another sequence. The rows share what
 * surrounds it, not attention itself: each has its own keys, and is computed in the shapes that its
 * own length gives, so that its bits don't depend on the others. Decoder's thread.
 */
final class RowAttention {
    private final ModelConfig config;
    private final int window;
    private final NDArray kv;
    private final NDArray keys;
    private final NDArray values;

    /**
     * Borrows {@code kv}, the pool's array of this layer; owns views of it.
     *
     * @param window how many of the last tokens a row sees; 0: all
     */
    RowAttention(ModelConfig config, int window, NDArray kv, NDArray keys, NDArray values) {
        this.config = config;
        this.window = window;
        this.kv = kv;
        this.keys = keys.transpose(1, 2, 0);
        this.values = values.transpose(1, 0, 2);
    }

    /** Writes each row's k and v of {@code qkv} to its sequence's slots. */
    void store(NDArray qkv, LlamaLayer.Rows rows) {
        long queries = (long) config.heads() * config.headDim();
        long end = queries + 2L * config.kvHeads() * config.headDim();
        int sequences = rows.sequences().size();
        NDArray used = sequences == rows.count() ? qkv : TorchOps.slice(qkv, 0, 0, sequences);
        NDArray kvNew =
                TorchOps.slice(used, 1, queries, end)
                        .reshape(new Shape(sequences, 2, config.kvHeads(), config.headDim()))
                        .transpose(1, 0, 2, 3);
        TorchOps.putColumns(kv, rows.slots(), TorchOps.as(kvNew, kv));
    }

    /** Attention's output {@code [rows, heads * headDim]}. */
    NDArray attend(NDArray qkv, LlamaLayer.Rows rows) {
        int kvHeads = config.kvHeads();
        int group = config.heads() / kvHeads;
        long width = (long) config.heads() * config.headDim();
        NDList queries =
                TorchOps.slice(qkv, 1, 0, width)
                        .reshape(new Shape((long) rows.count() * kvHeads, group, config.headDim()))
                        .split((long) rows.count());
        NDList mixed = new NDList();
        List<DecodeRow> sequences = rows.sequences();
        for (int row = 0; row < sequences.size(); row++) {
            mixed.add(row(queries.get(row), sequences.get(row)));
        }
        if (sequences.size() < rows.count()) {
            mixed.add(rows.filling());
        }
        NDArray all = mixed.size() == 1 ? mixed.get(0) : NDArrays.concat(mixed, 0);
        return all.reshape(new Shape(rows.count(), width));
    }

    /** One sequence's {@code [kvHeads, heads / kvHeads, headDim]}. */
    private NDArray row(NDArray queries, DecodeRow sequence) {
        int seen = sequence.position() + 1;
        long end = (long) sequence.slots().firstSlot() + seen;
        long first = end - (window == 0 ? seen : Math.min(seen, window));
        NDArray keysSeen = TorchOps.slice(keys, 2, first, end);
        keysSeen.attach(queries.getManager());
        NDArray valuesSeen = TorchOps.slice(values, 1, first, end);
        valuesSeen.attach(queries.getManager());
        return queries.batchMatMul(TorchOps.wide(keysSeen))
                .softmax(-1)
                .batchMatMul(TorchOps.wide(valuesSeen));
    }
}
