// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.model.config.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * Addresses of a model's weights on the device. All have the type that the model is computed in,
 * and each matrix is {@code [out, in]} as checkpoints have it. 0 stands for a weight that the model
 * doesn't have.
 *
 * @param block all of them
 * @param embedding {@code [vocabulary, hidden]}
 * @param norm of the last layer's output
 * @param head to logits; the embedding if the two are tied
 */
record CudaWeights(
        long block, long bytes, long embedding, List<Layer> layers, long norm, long head) {

    /**
     * One layer.
     *
     * @param qkv rows of q, then of k, then of v
     * @param queryNorm of each head of q, {@code [headDim]}
     * @param gateUp rows of gate, then of up
     */
    record Layer(
            long norm,
            long qkv,
            long qkvBias,
            long queryNorm,
            long keyNorm,
            long out,
            long outBias,
            long feedForwardNorm,
            long gateUp,
            long gateUpBias,
            long down,
            long downBias) {}

    /** A tensor of the checkpoint and its offset in the block. */
    record Tensor(String name, long offset, List<Integer> shape) {}

    /**
     * Places of all weights, before anything is allocated.
     *
     * @param weights with offsets in place of addresses, from 1 on: 0 is nothing
     */
    record Plan(CudaWeights weights, List<Tensor> tensors) {
        /** The weights in a block at this address. */
        CudaWeights at(long address) {
            return weights.moved(address - FIRST);
        }
    }

    // So that no offset is 0; a whole alignment, so that all stay aligned.
    private static final long FIRST = 256;

    static Plan plan(ModelConfig config) {
        return new Planner(config).plan();
    }

    private CudaWeights moved(long by) {
        return new CudaWeights(
                FIRST + by,
                bytes,
                embedding + by,
                layers.stream().map(layer -> moved(layer, by)).toList(),
                norm + by,
                head + by);
    }

    private static Layer moved(Layer layer, long by) {
        return new Layer(
                layer.norm + by,
                layer.qkv + by,
                moved(layer.qkvBias, by),
                moved(layer.queryNorm, by),
                moved(layer.keyNorm, by),
                layer.out + by,
                moved(layer.outBias, by),
                layer.feedForwardNorm + by,
                layer.gateUp + by,
                moved(layer.gateUpBias, by),
                layer.down + by,
                moved(layer.downBias, by));
    }

    private static long moved(long offset, long by) {
        return offset == 0 ? 0 : offset + by;
    }

    /** Walks through a model's tensors. */
    private static final class Planner {
        private static final String WEIGHT = ".weight";
        private static final String BIAS = ".bias";

        private final ModelConfig config;
        private final int element;
        private final Pieces pieces = new Pieces();
        private final List<Tensor> tensors = new ArrayList<>();

        Planner(ModelConfig config) {
            this.config = config;
            this.element = config.computeType().kvType().bytes();
        }

        Plan plan() {
            pieces.add(FIRST);
            int hidden = config.hiddenSize();
            int vocabulary = config.vocabSize();
            long embedding = matrix(hidden, new Rows("model.embed_tokens", vocabulary));
            List<Layer> layers = new ArrayList<>();
            for (int layer = 0; layer < config.layers(); layer++) {
                layers.add(layer("model.layers." + layer + "."));
            }
            long norm = vector(true, WEIGHT, new Rows("model.norm", hidden));
            long head =
                    config.tiedEmbeddings()
                            ? embedding
                            : matrix(hidden, new Rows("lm_head", vocabulary));
            return new Plan(
                    new CudaWeights(FIRST, pieces.end() - FIRST, embedding, layers, norm, head),
                    List.copyOf(tensors));
        }

        private Layer layer(String prefix) {
            int hidden = config.hiddenSize();
            int queries = config.heads() * config.headDim();
            int keys = config.kvHeads() * config.headDim();
            int inner = config.intermediateSize();
            String attention = prefix + "self_attn.";
            Rows[] qkv = {
                new Rows(attention + "q_proj", queries),
                new Rows(attention + "k_proj", keys),
                new Rows(attention + "v_proj", keys)
            };
            Rows[] gateUp = {
                new Rows(prefix + "mlp.gate_proj", inner), new Rows(prefix + "mlp.up_proj", inner)
            };
            Rows out = new Rows(attention + "o_proj", hidden);
            Rows down = new Rows(prefix + "mlp.down_proj", hidden);
            boolean mlpBias = config.biases().mlp();
            return new Layer(
                    vector(true, WEIGHT, new Rows(prefix + "input_layernorm", hidden)),
                    matrix(hidden, qkv),
                    vector(config.biases().qkv(), BIAS, qkv),
                    headNorm(attention + "q_norm"),
                    headNorm(attention + "k_norm"),
                    matrix(queries, out),
                    vector(config.biases().out(), BIAS, out),
                    vector(true, WEIGHT, new Rows(prefix + "post_attention_layernorm", hidden)),
                    matrix(hidden, gateUp),
                    vector(mlpBias, BIAS, gateUp),
                    matrix(inner, down),
                    vector(mlpBias, BIAS, down));
        }

        /** A tensor's name without its ending, and its rows. */
        private record Rows(String name, int count) {}

        private long headNorm(String name) {
            return vector(config.headNorms(), WEIGHT, new Rows(name, config.headDim()));
        }

        private long matrix(int columns, Rows... parts) {
            long rows = 0;
            for (Rows part : parts) {
                rows += part.count;
            }
            long offset = pieces.add(rows * columns * element);
            long at = offset;
            for (Rows part : parts) {
                tensors.add(
                        new Tensor(part.name + WEIGHT, at - FIRST, List.of(part.count, columns)));
                at += (long) part.count * columns * element;
            }
            return offset;
        }

        private long vector(boolean there, String ending, Rows... parts) {
            if (!there) {
                return 0;
            }
            long size = 0;
            for (Rows part : parts) {
                size += part.count;
            }
            long offset = pieces.add(size * element);
            long at = offset;
            for (Rows part : parts) {
                tensors.add(new Tensor(part.name + ending, at - FIRST, List.of(part.count)));
                at += (long) part.count * element;
            }
            return offset;
        }
    }
}
