// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A Llama's weights in float32, arranged once for few and large matrix products: q, k and v are one
 * matrix, so are gate and up; the norms' weights and the scale of attention are multiplied into the
 * matrices behind them. All of that is done on the CPU, so it has the same bits on every device.
 * The arrays belong to the manager they were read with, and are on its device.
 *
 * @param embedding {@code [vocabulary, hidden]}
 * @param norm the last norm's weight {@code [hidden]}
 * @param head to logits; the embedding itself if the two are tied
 */
record LlamaWeights(NDArray embedding, List<Layer> layers, NDArray norm, Projection head) {
    /**
     * One layer.
     *
     * @param qkv rows of q, scaled by 1/sqrt(headDim), then of k, then of v
     * @param out of attention
     * @param gateUp rows of gate, then of up
     */
    record Layer(Projection qkv, Projection out, Projection gateUp, Projection down) {
        private Layer withSingleRows(NDManager manager) {
            return new Layer(
                    qkv.withSingleRow(manager),
                    out.withSingleRow(manager),
                    gateUp.withSingleRow(manager),
                    down.withSingleRow(manager));
        }
    }

    /** Bytes of the matrices that rows are multiplied with. */
    long bytes() {
        long bytes = head.bytes();
        for (Layer layer : layers) {
            bytes +=
                    layer.qkv.bytes()
                            + layer.out.bytes()
                            + layer.gateUp.bytes()
                            + layer.down.bytes();
        }
        return bytes;
    }

    /** These, with the means to compute one row as it is computed among many. */
    LlamaWeights withSingleRows(NDManager manager) {
        return new LlamaWeights(
                embedding,
                layers.stream().map(layer -> layer.withSingleRows(manager)).toList(),
                norm,
                head.withSingleRow(manager));
    }

    static LlamaWeights read(NDManager manager, Path directory, ModelConfig config) {
        try (Safetensors file = Safetensors.open(directory.resolve(Safetensors.FILE));
                NDManager host = PyTorchRuntime.newManager(Device.cpu())) {
            NDManager arranging = manager.getDevice().isGpu() ? host : manager;
            return new Reader(manager, arranging, file, config).weights();
        }
    }

    /**
     * Reads and rearranges one file.
     *
     * @param home whom the results belong to
     * @param manager on the CPU, where they are arranged; home itself if it is there
     */
    private record Reader(NDManager home, NDManager manager, Safetensors file, ModelConfig config) {
        private static final String PREFIX = "model.";

        LlamaWeights weights() {
            long[] tokenShape = {config.vocabSize(), config.hiddenSize()};
            NDArray embedding = settle(matrix(PREFIX + "embed_tokens.weight", tokenShape));
            List<Layer> layers = new ArrayList<>();
            for (int layer = 0; layer < config.layers(); layer++) {
                layers.add(layer(PREFIX + "layers." + layer + "."));
            }
            NDArray norm = array(config.hiddenSize());
            file.read(PREFIX + "norm.weight", floats(norm), config.hiddenSize());
            Projection head =
                    config.tiedEmbeddings()
                            ? Projection.over(embedding)
                            : projection(matrix("lm_head.weight", tokenShape));
            return new LlamaWeights(embedding, List.copyOf(layers), settle(norm), head);
        }

        private Layer layer(String prefix) {
            long hidden = config.hiddenSize();
            long queries = (long) config.heads() * config.headDim();
            long keys = (long) config.kvHeads() * config.headDim();
            long inner = config.intermediateSize();

            NDArray qkv = array(queries + 2 * keys, hidden);
            FloatBuffer qkvRows = floats(qkv);
            file.read(prefix + "self_attn.q_proj.weight", qkvRows, queries, hidden);
            file.read(prefix + "self_attn.k_proj.weight", qkvRows, keys, hidden);
            file.read(prefix + "self_attn.v_proj.weight", qkvRows, keys, hidden);
            scaleColumns(qkv, prefix + "input_layernorm.weight");
            try (NDArray queryRows = TorchOps.slice(qkv, 0, 0, queries)) {
                queryRows.muli(1 / Math.sqrt(config.headDim()));
            }

            NDArray gateUp = array(2 * inner, hidden);
            FloatBuffer gateUpRows = floats(gateUp);
            file.read(prefix + "mlp.gate_proj.weight", gateUpRows, inner, hidden);
            file.read(prefix + "mlp.up_proj.weight", gateUpRows, inner, hidden);
            scaleColumns(gateUp, prefix + "post_attention_layernorm.weight");

            return new Layer(
                    projection(qkv),
                    projection(matrix(prefix + "self_attn.o_proj.weight", hidden, queries)),
                    projection(gateUp),
                    projection(matrix(prefix + "mlp.down_proj.weight", hidden, inner)));
        }

        private Projection projection(NDArray matrix) {
            Projection arranged = Projection.take(matrix);
            return new Projection(settle(arranged.weight()), arranged.outRows());
        }

        /** Takes an arranged array home. */
        private NDArray settle(NDArray array) {
            if (array.getDevice().equals(home.getDevice())) {
                return array;
            }
            try (array) {
                NDArray settled = array.toDevice(home.getDevice(), true);
                settled.attach(home);
                return settled;
            }
        }

        private void scaleColumns(NDArray matrix, String name) {
            try (NDArray scale = array(config.hiddenSize())) {
                file.read(name, floats(scale), config.hiddenSize());
                matrix.muli(scale);
            }
        }

        private NDArray matrix(String name, long... shape) {
            NDArray matrix = array(shape);
            file.read(name, floats(matrix), shape);
            return matrix;
        }

        private NDArray array(long... shape) {
            Shape wanted = new Shape(shape);
            if (wanted.size() > Integer.MAX_VALUE / Float.BYTES) {
                throw new ModelLoadException(
                        "shape=%s bytes=%d expected=less than 2 GiB a matrix"
                                .formatted(wanted, wanted.size() * Float.BYTES));
            }
            return manager.create(wanted, DataType.FLOAT32);
        }

        /** The array's own memory, aligned by the engine; valid while the array is open. */
        private static FloatBuffer floats(NDArray array) {
            return array.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer();
        }
    }
}
