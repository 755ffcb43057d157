// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.model.config.ModelConfig;

/**
 * Device memory of one model's activations, and of what its steps read and write besides: allocated
 * once, in one piece. Calls and graphs use it one after the other, in the stream's order.
 *
 * @param block what was allocated
 * @param x residual stream, float32 {@code [rows, hidden]}
 * @param normed {@code [rows, hidden]}
 * @param qkv {@code [rows, (heads + 2 kvHeads) * headDim]}
 * @param mixed attention's output {@code [rows, heads * headDim]}
 * @param gateUp {@code [rows, 2 * inner]}
 * @param active {@code [rows, inner]}
 * @param logits float32 {@code [picks, vocabulary]}
 * @param partials of attention, float32 {@code [batch, heads, MAX_PARTS, headDim + 2]}
 * @param arrived counters of attention
 * @param lastTokens {@code int[pickers]}
 * @param picked structs {@link CudaPicks} reads
 */
record Workspace(
        long block,
        long bytes,
        long x,
        long normed,
        long qkv,
        long mixed,
        long gateUp,
        long active,
        long logits,
        long partials,
        long arrived,
        long lastTokens,
        long picked) {

    /** Most parts of one row's attention. */
    static final int MAX_PARTS = 32;

    /**
     * Allocates zeros.
     *
     * @param rows most tokens of a step
     * @param batch most rows whose attention is computed in parts, and most picks
     * @param pickers most answers with a picker
     */
    static Workspace allocate(
            Gpu device, long stream, ModelConfig config, int rows, int batch, int pickers) {
        int element = config.computeType().kvType().bytes();
        long heads = (long) config.heads() * config.headDim();
        long keys = (long) config.kvHeads() * config.headDim();
        Pieces pieces = new Pieces();
        long x = pieces.add((long) rows * config.hiddenSize() * Float.BYTES);
        long normed = pieces.add((long) rows * config.hiddenSize() * element);
        long qkv = pieces.add(rows * (heads + 2 * keys) * element);
        long mixed = pieces.add(rows * heads * element);
        long gateUp = pieces.add(2L * rows * config.intermediateSize() * element);
        long active = pieces.add((long) rows * config.intermediateSize() * element);
        long logits = pieces.add((long) batch * config.vocabSize() * Float.BYTES);
        long partials =
                pieces.add(
                        (long) batch
                                * config.heads()
                                * MAX_PARTS
                                * (config.headDim() + 2)
                                * Float.BYTES);
        long arrived = pieces.add((long) batch * config.heads() * Integer.BYTES);
        long lastTokens = pieces.add((long) pickers * Integer.BYTES);
        long picked = pieces.add((long) batch * CudaPicks.BYTES);
        long bytes = pieces.end();
        long block = device.allocate(bytes);
        try {
            device.fill(block, 0, bytes / Integer.BYTES, stream);
        } catch (RuntimeException | Error cause) {
            device.free(block);
            throw cause;
        }
        return new Workspace(
                block,
                bytes,
                block + x,
                block + normed,
                block + qkv,
                block + mixed,
                block + gateUp,
                block + active,
                block + logits,
                block + partials,
                block + arrived,
                block + lastTokens,
                block + picked);
    }
}
