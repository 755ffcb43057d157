// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.tensor.FusedAttention;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One layer's attention of a batch in which each row is another sequence. The rows share the
 * products around it, not attention itself. Each row has its own keys, and is computed in the
 * shapes that its own length gives. So its bits don't depend on the others. Decoder's thread.
 *
 * <p>In float32 on the CPU a row is one call of libtorch's fused attention, where that can be
 * called. The query heads that share a key head are the queries of one head to it.
 *
 * <p>Otherwise, with few and short heads, a sequence's heads are one matrix product instead of one
 * a head: each query is as wide as all heads' keys together, and zero outside its own head's. That
 * adds only zeros, and reads the keys once, as they lie; the many small products would cost more.
 */
final class RowAttention {
    /** Numbers of one token's keys up to which its heads are one product. */
    private static final int NARROW = 256;

    private static final int[] OTHER_HEADS = {3};

    private final ModelConfig config;
    private final int window;
    private final NDArray kv;
    private final NDArray keys;
    private final NDArray values;
    private final @Nullable NDArray ownHead;
    private final boolean fused;

    /**
     * Borrows {@code kv}, the pool's array of this layer; owns views of it.
     *
     * @param window how many of the last tokens a row sees; 0: all
     */
    RowAttention(ModelConfig config, int window, NDArray kv, NDArray keys, NDArray values) {
        this.config = config;
        this.window = window;
        this.kv = kv;
        int kvHeads = config.kvHeads();
        long keyWidth = (long) kvHeads * config.headDim();
        this.fused = canBeFused(kv);
        if (fused) {
            this.keys = keys.transpose(1, 0, 2).expandDims(0);
            this.values = values.transpose(1, 0, 2).expandDims(0);
            this.ownHead = null;
        } else if (kvHeads > 1 && keyWidth <= NARROW) {
            Shape flat = new Shape(keys.getShape().get(0), keyWidth);
            this.keys = keys.reshape(flat).transpose();
            this.values = values.reshape(flat);
            this.ownHead = kv.getManager().eye(kvHeads).reshape(1, kvHeads, 1, kvHeads, 1);
        } else {
            this.keys = keys.transpose(1, 2, 0);
            this.values = values.transpose(1, 0, 2);
            this.ownHead = null;
        }
    }

    private static boolean canBeFused(NDArray kv) {
        return kv.getDataType() == DataType.FLOAT32
                && !kv.getDevice().isGpu()
                && FusedAttention.availability().ready();
    }

    /**
     * Rotates q and k, writes k and v to the sequences' slots, and mixes values.
     *
     * @param hook is run before KV is touched
     * @return {@code [rows, heads * headDim]}
     */
    NDArray apply(NDArray qkv, LlamaLayer.Rows rows, Runnable hook) {
        int headDim = config.headDim();
        int rotated = config.heads() + config.kvHeads();
        rows.rotary()
                .rotate(
                        TorchOps.slice(qkv, 1, 0, (long) rotated * headDim)
                                .reshape(new Shape(rows.count(), rotated, 2, headDim / 2)));
        hook.run();
        store(qkv, rows);
        long width = (long) config.heads() * headDim;
        return attend(queries(TorchOps.slice(qkv, 1, 0, width), rows.count()), rows);
    }

    private void store(NDArray qkv, LlamaLayer.Rows rows) {
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

    /** Each row's queries, of all heads. */
    private NDArray queries(NDArray all, int rows) {
        int kvHeads = config.kvHeads();
        int group = config.heads() / kvHeads;
        int headDim = config.headDim();
        if (fused) {
            return all.reshape(new Shape(rows, kvHeads, group, headDim));
        }
        if (ownHead == null) {
            return all.reshape(new Shape((long) rows * kvHeads, group, headDim));
        }
        return all.reshape(new Shape(rows, kvHeads, group, 1, headDim))
                .mul(ownHead)
                .reshape(new Shape((long) rows * config.heads(), (long) kvHeads * headDim));
    }

    private NDArray attend(NDArray queries, LlamaLayer.Rows rows) {
        NDList byRow = split(queries, rows.count());
        NDList mixed = new NDList();
        List<LogitsRow> sequences = rows.sequences();
        for (int row = 0; row < sequences.size(); row++) {
            mixed.add(row(byRow.get(row), sequences.get(row)));
        }
        NDArray all = mixed.size() == 1 ? mixed.get(0) : NDArrays.concat(mixed, 0);
        NDArray filling = rows.filling();
        return filling == null ? joined(all) : NDArrays.concat(new NDList(joined(all), filling), 0);
    }

    private static NDList split(NDArray all, int rows) {
        return rows == 1 ? new NDList(all) : all.split(rows);
    }

    /** {@code [rows, heads * headDim]} of what {@link #row} made. */
    private NDArray joined(NDArray mixed) {
        long width = (long) config.heads() * config.headDim();
        if (ownHead == null) {
            return mixed.reshape(new Shape(-1, width));
        }
        int kvHeads = config.kvHeads();
        int group = config.heads() / kvHeads;
        NDArray byHead = mixed.reshape(new Shape(-1, kvHeads, group, kvHeads, config.headDim()));
        byHead.muli(ownHead);
        return byHead.sum(OTHER_HEADS).reshape(new Shape(-1, width));
    }

    /** One sequence's values, mixed, of all heads. */
    private NDArray row(NDArray queries, LogitsRow sequence) {
        int length = sequence.position() + 1;
        long end = (long) sequence.slots().firstSlot() + length;
        long first = end - (window == 0 ? length : Math.min(length, window));
        if (fused) {
            return fusedRow(queries, first, end);
        }
        int axis = ownHead == null ? 1 : 0;
        // One row's at a time: of a half type they are copies as large as the sequence's KV.
        try (NDArray keysSeen = seen(queries, keys, axis + 1, first, end);
                NDArray valuesSeen = seen(queries, values, axis, first, end)) {
            return ownHead == null
                    ? queries.batchMatMul(keysSeen).softmax(-1).batchMatMul(valuesSeen)
                    : queries.matMul(keysSeen).softmax(-1).matMul(valuesSeen);
        }
    }

    private NDArray fusedRow(NDArray queries, long first, long end) {
        try (NDArray keysSeen = TorchOps.slice(keys, 2, first, end);
                NDArray valuesSeen = TorchOps.slice(values, 2, first, end)) {
            return FusedAttention.apply(queries, keysSeen, valuesSeen);
        }
    }

    private static NDArray seen(NDArray owned, NDArray all, int axis, long first, long end) {
        NDArray seen = TorchOps.slice(all, axis, first, end);
        seen.attach(owned.getManager());
        return TorchOps.wide(seen);
    }
}
