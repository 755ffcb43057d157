// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.model.weights.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A model's weights, arranged once for few and large matrix products. One matrix holds q, k and v,
 * another gate and up. The norms' weights and the scale of attention are multiplied into the
 * matrices behind them. All of that is done in float32 on the CPU, so it has the same bits on every
 * device. Only then is a matrix rounded to the type that is computed in. The arrays belong to the
 * manager they were read with, and are on its device.
 *
 * @param embedding {@code [vocabulary, hidden]}
 * @param norm the last norm's weight {@code [hidden]}, float32
 * @param head to logits; the embedding itself if the two are tied
 */
record LlamaWeights(NDArray embedding, List<Layer> layers, NDArray norm, Projection head) {
    /**
     * One layer.
     *
     * @param qkv rows of q, then of k, then of v; without head norms those of q are scaled by
     *     1/sqrt(headDim)
     * @param headNorms of q and k
     * @param out of attention
     * @param gateUp rows of gate, then of up
     */
    record Layer(
            Projection qkv,
            HeadNorms headNorms,
            Projection out,
            Projection gateUp,
            Projection down) {}

    /**
     * Reads a directory's weights, one matrix after the other. Beside its result it needs the
     * largest matrix twice in float32, on the CPU.
     *
     * @throws ModelLoadException if the files don't hold what the configuration asks for
     */
    static LlamaWeights read(
            NDManager manager, Path directory, ModelConfig config, Packing packing) {
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                WeightReader reader =
                        new WeightReader(manager, checkpoint, config.computeType(), packing)) {
            return new Arrangement(reader, config).weights();
        }
    }

    /** Tensors that make up each matrix. */
    private record Arrangement(WeightReader reader, ModelConfig config) {
        private static final String PREFIX = "model.";
        private static final String WEIGHT = ".weight";
        private static final String BIAS = ".bias";

        LlamaWeights weights() {
            int hidden = config.hiddenSize();
            int vocabulary = config.vocabSize();
            NDArray embedding =
                    reader.settle(
                            reader.matrix(PREFIX + "embed_tokens.weight", vocabulary, hidden));
            List<Layer> layers = new ArrayList<>();
            for (int layer = 0; layer < config.layers(); layer++) {
                layers.add(layer(PREFIX + "layers." + layer + "."));
            }
            NDArray norm = reader.settleWide(reader.vector(PREFIX + "norm.weight", hidden));
            Projection head =
                    config.tiedEmbeddings()
                            ? Projection.over(embedding)
                            : reader.projection(
                                    reader.matrix("lm_head.weight", vocabulary, hidden), null);
            return new LlamaWeights(embedding, List.copyOf(layers), norm, head);
        }

        private Layer layer(String prefix) {
            int hidden = config.hiddenSize();
            int inner = config.intermediateSize();
            int queries = config.heads() * config.headDim();
            boolean mlpBias = config.biases().mlp();
            return new Layer(
                    qkv(prefix),
                    headNorms(prefix),
                    plain(prefix + "self_attn.o_proj", hidden, queries, config.biases().out()),
                    gateUp(prefix),
                    plain(prefix + "mlp.down_proj", hidden, inner, mlpBias));
        }

        private Projection qkv(String prefix) {
            int queries = config.heads() * config.headDim();
            int keys = config.kvHeads() * config.headDim();
            List<WeightReader.Part> parts =
                    List.of(
                            new WeightReader.Part(prefix + "self_attn.q_proj", queries),
                            new WeightReader.Part(prefix + "self_attn.k_proj", keys),
                            new WeightReader.Part(prefix + "self_attn.v_proj", keys));
            NDArray matrix = reader.stacked(parts, WEIGHT, config.hiddenSize());
            scaleColumns(matrix, prefix + "input_layernorm.weight");
            NDArray bias = config.biases().qkv() ? reader.stacked(parts, BIAS) : null;
            if (!config.headNorms()) {
                scaleQueries(matrix, queries);
                if (bias != null) {
                    scaleQueries(bias, queries);
                }
            }
            return reader.projection(matrix, bias);
        }

        private Projection gateUp(String prefix) {
            int inner = config.intermediateSize();
            List<WeightReader.Part> parts =
                    List.of(
                            new WeightReader.Part(prefix + "mlp.gate_proj", inner),
                            new WeightReader.Part(prefix + "mlp.up_proj", inner));
            NDArray matrix = reader.stacked(parts, WEIGHT, config.hiddenSize());
            scaleColumns(matrix, prefix + "post_attention_layernorm.weight");
            return reader.projection(
                    matrix, config.biases().mlp() ? reader.stacked(parts, BIAS) : null);
        }

        private Projection plain(String name, int out, int in, boolean bias) {
            return reader.projection(
                    reader.matrix(name + WEIGHT, out, in),
                    bias ? reader.vector(name + BIAS, out) : null);
        }

        private HeadNorms headNorms(String prefix) {
            if (!config.headNorms()) {
                return HeadNorms.NONE;
            }
            int headDim = config.headDim();
            try (NDArray query = reader.vector(prefix + "self_attn.q_norm.weight", headDim);
                    NDArray key = reader.vector(prefix + "self_attn.k_norm.weight", headDim)) {
                query.muli(scale());
                return HeadNorms.of(
                        reader.settleWide(
                                HeadNorms.weights(query, config.heads(), key, config.kvHeads())));
            }
        }

        private double scale() {
            return 1 / Math.sqrt(config.headDim());
        }

        private void scaleQueries(NDArray rows, int queries) {
            try (NDArray queryRows = TorchOps.slice(rows, 0, 0, queries)) {
                queryRows.muli(scale());
            }
        }

        private void scaleColumns(NDArray matrix, String name) {
            try (NDArray scale = reader.vector(name, config.hiddenSize())) {
                matrix.muli(scale);
            }
        }
    }
}
