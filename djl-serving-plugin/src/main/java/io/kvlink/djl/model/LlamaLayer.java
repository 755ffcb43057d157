// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.List;

/**
 * The arithmetic of one decoder layer. Everything it creates belongs to {@code x}'s manager.
 * Decoder's thread.
 */
final class LlamaLayer {
    private final int index;
    private final ModelConfig config;
    private final LlamaWeights.Layer weights;
    private final RmsNorm norm;
    private final CausalMask mask;
    private final int window;
    private final NDArray kv;
    private final NDArray keys;
    private final NDArray values;
    private final RowAttention rowAttention;

    /** Borrows the weights and {@code kv}, the pool's array of this layer; owns views of it. */
    LlamaLayer(
            int index,
            ModelConfig config,
            LlamaWeights.Layer weights,
            RmsNorm norm,
            CausalMask mask,
            NDArray kv) {
        this.index = index;
        this.config = config;
        this.weights = weights;
        this.norm = norm;
        this.mask = mask;
        this.window = config.windows().get(index);
        this.kv = kv;
        this.keys = kv.get(0);
        this.values = kv.get(1);
        this.rowAttention = new RowAttention(config, window, kv, keys, values);
    }

    /** What a forward call computes. */
    sealed interface Step permits Chunk, Rows {
        /** Rows of {@code x}. */
        int count();

        /** Tables of just the rows' positions. */
        RotaryTable rotary();
    }

    /**
     * Some tokens of one sequence.
     *
     * @param firstSlot of the sequence in the pool
     * @param position of the first token in the sequence
     * @param count of tokens
     * @param rotary tables of just these positions
     */
    record Chunk(int firstSlot, int position, int count, RotaryTable rotary) implements Step {}

    /**
     * One token of each of several sequences.
     *
     * @param sequences at most {@code count}; rows behind theirs only fill up
     * @param count of rows
     * @param slots columns of the layer's KV that are the sequences' next
     * @param filling zeros {@code [rows, heads * headDim]} in place of the attention of rows that
     *     only fill up
     */
    record Rows(
            List<DecodeRow> sequences,
            int count,
            NDIndex slots,
            NDArray filling,
            RotaryTable rotary)
            implements Step {}

    /** Adds the layer's attention and feed-forward to {@code x}, {@code [count, hidden]}. */
    void forward(NDArray x, Step step, LayerHook hook) {
        NDArray qkv = weights.qkv().apply(norm.apply(x));
        NDArray heads = queriesAndKeys(qkv, step.count());
        weights.headNorms().apply(heads, norm);
        step.rotary().rotate(heads.reshape(halves(step.count())));
        hook.beforeAttention(index);
        x.addi(weights.out().apply(attention(x.getManager(), qkv, step)));
        hook.afterLayer(index);
        x.addi(feedForward(norm.apply(x)));
    }

    /** Writes k and v; attention's output {@code [count, heads * headDim]}. */
    private NDArray attention(NDManager scratch, NDArray qkv, Step step) {
        if (step instanceof Rows rows) {
            rowAttention.store(qkv, rows);
            return rowAttention.attend(qkv, rows);
        }
        Chunk chunk = (Chunk) step;
        store(qkv, chunk);
        return attention(scratch, qkv, chunk);
    }

    /** A view of the q and k part of {@code qkv}, {@code [count, heads + kvHeads, headDim]}. */
    private NDArray queriesAndKeys(NDArray qkv, int count) {
        int heads = config.heads() + config.kvHeads();
        return TorchOps.slice(qkv, 1, 0, (long) heads * config.headDim())
                .reshape(new Shape(count, heads, config.headDim()));
    }

    /** The same with each head's halves on an axis of their own. */
    private Shape halves(int count) {
        return new Shape(count, config.heads() + config.kvHeads(), 2, config.headDim() / 2);
    }

    private void store(NDArray qkv, Chunk step) {
        long queries = (long) config.heads() * config.headDim();
        NDArray kvNew =
                TorchOps.slice(qkv, 1, queries, queries + 2L * config.kvHeads() * config.headDim())
                        .reshape(new Shape(step.count(), 2, config.kvHeads(), config.headDim()))
                        .transpose(1, 0, 2, 3);
        TorchOps.putColumns(kv, (long) step.firstSlot() + step.position(), kvNew);
    }

    private NDArray attention(NDManager scratch, NDArray qkv, Chunk step) {
        long width = (long) config.heads() * config.headDim();
        NDArray queries = TorchOps.slice(qkv, 1, 0, width);
        if (step.count() <= CausalMask.TILE) {
            return tile(scratch, queries, step.firstSlot(), step.position(), step.count());
        }
        NDList tiles = new NDList();
        for (int from = 0; from < step.count(); from += CausalMask.TILE) {
            int count = Math.min(CausalMask.TILE, step.count() - from);
            NDArray rows = TorchOps.slice(queries, 0, from, (long) from + count);
            tiles.add(tile(scratch, rows, step.firstSlot(), step.position() + from, count));
        }
        return NDArrays.concat(tiles, 0);
    }

    /** Attention of some rows of queries over views of all they may see of the pool. */
    private NDArray tile(
            NDManager scratch, NDArray queries, int firstSlot, int position, int count) {
        int from = firstSeen(position);
        int length = position + count - from;
        NDArray keysSeen = seen(scratch, keys, firstSlot + from, length).transpose(1, 2, 0);
        NDArray valuesSeen = seen(scratch, values, firstSlot + from, length).transpose(1, 0, 2);
        NDArray scores = grouped(queries, count).batchMatMul(keysSeen);
        if (count > 1) {
            NDArray byHead = scores.reshape(new Shape(config.heads(), count, length));
            TorchOps.slice(byHead, 2, length - count, length).addi(mask.of(scratch, count));
            hideOutgrown(scratch, byHead, position, count);
        }
        return joined(scores.softmax(-1).batchMatMul(valuesSeen), count);
    }

    /** The first position that a query at {@code position} sees. */
    private int firstSeen(int position) {
        return window == 0 ? 0 : Math.max(0, position + 1 - window);
    }

    /** Rows of K or V as float32, {@code [count, kvHeads, headDim]}; a view if they are. */
    private static NDArray seen(NDManager scratch, NDArray rows, int firstSlot, int count) {
        return TorchOps.wide(TorchOps.rows(scratch, rows, firstSlot, (long) firstSlot + count));
    }

    /** Hides from the later queries of a tile what its first ones still see. */
    private void hideOutgrown(NDManager scratch, NDArray scores, int position, int count) {
        // Queries below this index see all that the first one sees.
        int whole = Math.max(0, window - 1 - position);
        int outgrowing = count - whole;
        if (window > 0 && outgrowing > 1) {
            NDArray later = TorchOps.slice(scores, 1, whole, count);
            TorchOps.slice(later, 2, 0, outgrowing).addi(mask.past(scratch, outgrowing));
        }
    }

    /** Queries as {@code [kvHeads, heads / kvHeads * count, headDim]}: a group shares its K. */
    private NDArray grouped(NDArray queries, int count) {
        int rows = config.heads() / config.kvHeads() * count;
        Shape grouped = new Shape(config.kvHeads(), rows, config.headDim());
        if (count == 1) {
            return queries.reshape(grouped);
        }
        return queries.reshape(new Shape(count, config.heads(), config.headDim()))
                .transpose(1, 0, 2)
                .reshape(grouped);
    }

    private NDArray joined(NDArray mixed, int count) {
        Shape joined = new Shape(count, (long) config.heads() * config.headDim());
        if (count == 1) {
            return mixed.reshape(joined);
        }
        return mixed.reshape(new Shape(config.heads(), count, config.headDim()))
                .transpose(1, 0, 2)
                .reshape(joined);
    }

    /** SwiGLU. */
    private NDArray feedForward(NDArray x) {
        int inner = config.intermediateSize();
        NDArray gateUp = weights.gateUp().apply(x);
        NDArray gate = TorchOps.slice(gateUp, 1, 0, inner);
        NDArray active = gate.getNDArrayInternal().sigmoid();
        active.muli(gate);
        active.muli(TorchOps.slice(gateUp, 1, inner, 2L * inner));
        return weights.down().apply(active);
    }
}
