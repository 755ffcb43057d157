// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.jspecify.annotations.Nullable;

/**
 * The arithmetic of one decoder layer on one sequence. Everything it creates belongs to {@code x}'s
 * manager. Decoder's thread.
 */
final class LlamaLayer {
    private final int index;
    private final ModelConfig config;
    private final LlamaWeights.Layer weights;
    private final RmsNorm norm;
    private final NDArray kv;
    private final NDArray keys;
    private final NDArray values;

    /** Borrows the weights and {@code kv}, the pool's array of this layer; owns views of it. */
    LlamaLayer(
            int index, ModelConfig config, LlamaWeights.Layer weights, RmsNorm norm, NDArray kv) {
        this.index = index;
        this.config = config;
        this.weights = weights;
        this.norm = norm;
        this.kv = kv;
        this.keys = kv.get(0);
        this.values = kv.get(1);
    }

    /**
     * Where the tokens of a forward call stand.
     *
     * @param firstSlot of the sequence in the pool
     * @param position of the first token in the sequence
     * @param count of tokens
     * @param rotary tables of just these positions
     * @param mask {@code [count, count]}: minus infinity above the diagonal; null for one token
     */
    record Step(
            int firstSlot, int position, int count, RotaryTable rotary, @Nullable NDArray mask) {
        int length() {
            return position + count;
        }
    }

    /** Adds the layer's attention and feed-forward to {@code x}, {@code [count, hidden]}. */
    void forward(NDArray x, Step step, LayerHook hook) {
        NDArray qkv = TorchOps.linear(norm.apply(x), weights.qkv());
        step.rotary().rotate(rotated(qkv, step.count()));
        hook.beforeAttention(index);
        store(qkv, step);
        x.addi(TorchOps.linear(attention(x.getManager(), qkv, step), weights.out()));
        hook.afterLayer(index);
        x.addi(feedForward(norm.apply(x)));
    }

    /** The q and k part of {@code qkv}, each head's halves on an axis of their own. */
    private NDArray rotated(NDArray qkv, int count) {
        int heads = config.heads() + config.kvHeads();
        return TorchOps.slice(qkv, 1, 0, (long) heads * config.headDim())
                .reshape(new Shape(count, heads, 2, config.headDim() / 2));
    }

    private void store(NDArray qkv, Step step) {
        long queries = (long) config.heads() * config.headDim();
        NDArray kvNew =
                TorchOps.slice(qkv, 1, queries, queries + 2L * config.kvHeads() * config.headDim())
                        .reshape(new Shape(step.count(), 2, config.kvHeads(), config.headDim()))
                        .transpose(1, 0, 2, 3);
        TorchOps.putColumns(kv, (long) step.firstSlot() + step.position(), kvNew);
    }

    /** Attention's output {@code [count, heads * headDim]}, over views of the pool. */
    private NDArray attention(NDManager scratch, NDArray qkv, Step step) {
        long first = step.firstSlot();
        long end = first + step.length();
        NDArray keysSeen = TorchOps.rows(scratch, keys, first, end).transpose(1, 2, 0);
        NDArray valuesSeen = TorchOps.rows(scratch, values, first, end).transpose(1, 0, 2);
        NDArray scores = queries(qkv, step.count()).batchMatMul(keysSeen);
        if (step.mask() != null) {
            NDArray byHead = scores.reshape(new Shape(config.heads(), step.count(), step.length()));
            TorchOps.slice(byHead, 2, step.position(), step.length()).addi(step.mask());
        }
        NDArray mixed = scores.softmax(-1).batchMatMul(valuesSeen);
        return joined(mixed, step.count());
    }

    /** Queries as {@code [kvHeads, heads / kvHeads * count, headDim]}: a group shares its K. */
    private NDArray queries(NDArray qkv, int count) {
        long width = (long) config.heads() * config.headDim();
        NDArray flat = TorchOps.slice(qkv, 1, 0, width);
        int rows = config.heads() / config.kvHeads() * count;
        Shape grouped = new Shape(config.kvHeads(), rows, config.headDim());
        if (count == 1) {
            return flat.reshape(grouped);
        }
        return flat.reshape(new Shape(count, config.heads(), config.headDim()))
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
        NDArray gateUp = TorchOps.linear(x, weights.gateUp());
        NDArray gate = TorchOps.slice(gateUp, 1, 0, inner);
        NDArray active = gate.getNDArrayInternal().sigmoid();
        active.muli(gate);
        active.muli(TorchOps.slice(gateUp, 1, inner, 2L * inner));
        return TorchOps.linear(active, weights.down());
    }
}
