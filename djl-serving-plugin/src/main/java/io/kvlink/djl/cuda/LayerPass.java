// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.cuda.Kernels.Finish;
import io.kvlink.djl.cuda.blas.Cublas;
import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;

/**
 * The calls of one pass through a model's layers, enqueued in their order. Nothing here waits, and
 * nothing allocates, so a pass may be captured into a graph. The decoder's thread.
 */
final class LayerPass {
    private final ModelConfig config;
    private final ElementType type;
    private final Kernels kernels;
    private final Cublas cublas;
    private final CudaWeights weights;
    private final Workspace space;

    LayerPass(
            ModelConfig config,
            ElementType type,
            Kernels kernels,
            Cublas cublas,
            CudaWeights weights,
            Workspace space) {
        this.config = config;
        this.type = type;
        this.kernels = kernels;
        this.cublas = cublas;
        this.weights = weights;
        this.space = space;
    }

    /** Attention of one layer, enqueued: from q, k and v as the product left them to its output. */
    interface Attend {
        void enqueue(int layer);
    }

    /**
     * Enqueues all layers.
     *
     * @param rows address of the step's structs {@code Row}
     * @param count how many there are
     */
    void layers(long rows, int count, Attend attend, LayerHook hook) {
        kernels.embed(rows, space.lastTokens(), weights.embedding(), space.x(), count);
        int hidden = config.hiddenSize();
        int queries = config.heads() * config.headDim();
        int qkv = queries + 2 * config.kvHeads() * config.headDim();
        int inner = config.intermediateSize();
        long bias = 0;
        for (int layer = 0; layer < config.layers(); layer++) {
            CudaWeights.Layer own = weights.layers().get(layer);
            kernels.norm(space.x(), bias, own.norm(), 0, space.normed(), count);
            product(qkv, count, hidden, own.qkv(), space.normed(), space.qkv());
            hook.beforeAttention(layer);
            attend.enqueue(layer);
            hook.afterLayer(layer);
            addProduct(count, queries, own.out(), space.mixed());
            kernels.norm(space.x(), own.outBias(), own.feedForwardNorm(), 0, space.normed(), count);
            product(2 * inner, count, hidden, own.gateUp(), space.normed(), space.gateUp());
            kernels.swiglu(space.gateUp(), own.gateUpBias(), space.active(), count);
            addProduct(count, inner, own.down(), space.active());
            bias = own.downBias();
        }
    }

    /** True if {@link #loneRow} can compute a step of one row. */
    boolean servesLoneRow() {
        return kernels.lonely();
    }

    /** Like {@link #layers} and {@link #pick} for a step of one row, with products of their own. */
    void loneRow(long rows, Attend attend, LayerHook hook, long sampling) {
        kernels.embed(rows, space.lastTokens(), weights.embedding(), space.x(), 1);
        int hidden = config.hiddenSize();
        int queries = config.heads() * config.headDim();
        int qkv = queries + 2 * config.kvHeads() * config.headDim();
        int inner = config.intermediateSize();
        long x = space.x();
        for (int layer = 0; layer < config.layers(); layer++) {
            CudaWeights.Layer own = weights.layers().get(layer);
            // Attention adds the bias of q, k and v.
            kernels.lone(Finish.ELEMENTS, own.qkv(), x, own.norm(), 0, space.qkv(), qkv, hidden);
            hook.beforeAttention(layer);
            attend.enqueue(layer);
            hook.afterLayer(layer);
            kernels.lone(
                    Finish.ADD, own.out(), space.mixed(), 0, own.outBias(), x, hidden, queries);
            kernels.lone(
                    Finish.SWIGLU,
                    own.gateUp(),
                    x,
                    own.feedForwardNorm(),
                    own.gateUpBias(),
                    space.active(),
                    inner,
                    hidden);
            kernels.lone(
                    Finish.ADD, own.down(), space.active(), 0, own.downBias(), x, hidden, inner);
        }
        kernels.lone(
                Finish.FLOATS,
                weights.head(),
                space.x(),
                weights.norm(),
                0,
                space.logits(),
                config.vocabSize(),
                config.hiddenSize());
        kernels.sample(space.logits(), sampling, space.lastTokens(), space.picked(), 1);
    }

    /**
     * Enqueues the logits of some rows and the choice of their tokens.
     *
     * @param picked address of the rows' indices; 0 for the first {@code count}
     * @param sampling address of their structs {@code RowSampling}
     */
    void pick(long picked, long sampling, int count) {
        long bias = weights.layers().get(config.layers() - 1).downBias();
        kernels.norm(space.x(), bias, weights.norm(), picked, space.normed(), count);
        cublas.gemm(
                type,
                ElementType.F32,
                config.vocabSize(),
                count,
                config.hiddenSize(),
                weights.head(),
                space.normed(),
                space.logits(),
                config.vocabSize(),
                false);
        kernels.sample(space.logits(), sampling, space.lastTokens(), space.picked(), count);
    }

    private void product(int outs, int rows, int ins, long matrix, long x, long y) {
        cublas.gemm(type, type, outs, rows, ins, matrix, x, y, outs, false);
    }

    /** Adds a product to the residual stream. */
    private void addProduct(int rows, int ins, long matrix, long from) {
        int hidden = config.hiddenSize();
        cublas.gemm(
                type, ElementType.F32, hidden, rows, ins, matrix, from, space.x(), hidden, true);
    }
}
