// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.config.ModelConfig;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * q, k and v of some rows of a batch, on the heap: what the engine would do to them in a dozen
 * calls, of which each takes longer than the work, is done here in three loops, with the same bits.
 * For float32 in host memory. Borrows what it is given; one thread.
 */
final class HostRows {
    private final ModelConfig config;
    private final List<DecodeRow> sequences;
    private final int count;
    private final int width;
    private final float[] qkv;
    private final RotaryTable.Angles angles;

    private HostRows(
            ModelConfig config,
            List<DecodeRow> sequences,
            int count,
            float[] qkv,
            RotaryTable.Angles angles) {
        this.config = config;
        this.sequences = sequences;
        this.count = count;
        this.width = qkv.length / count;
        this.qkv = qkv;
        this.angles = angles;
    }

    /** Borrows {@code qkv}, a row of {@code (heads + 2 * kvHeads) * headDim} after the other. */
    static HostRows of(
            ModelConfig config, float[] qkv, LlamaLayer.Rows rows, RotaryTable.Angles angles) {
        return new HostRows(config, rows.sequences(), rows.count(), qkv, angles);
    }

    /** Whether rows of a layer with this KV can be prepared here. */
    static boolean serve(NDArray kv) {
        return kv.getDataType() == DataType.FLOAT32 && !kv.getDevice().isGpu();
    }

    /** Rotates the sequences' q and k to their positions. */
    void rotate() {
        int headDim = config.headDim();
        int heads = config.heads() + config.kvHeads();
        for (int row = 0; row < sequences.size(); row++) {
            for (int head = 0; head < heads; head++) {
                angles.rotate(row, qkv, row * width + head * headDim);
            }
        }
    }

    /**
     * Writes the sequences' k and v to their next slots.
     *
     * @param kv a layer's memory, {@code [2, slots, kvHeads, headDim]}
     */
    void store(FloatBuffer kv) {
        int tokenFloats = config.kvHeads() * config.headDim();
        int values = kv.capacity() / 2;
        for (int row = 0; row < sequences.size(); row++) {
            DecodeRow sequence = sequences.get(row);
            int to = (sequence.slots().firstSlot() + sequence.position()) * tokenFloats;
            int from = row * width + config.heads() * config.headDim();
            kv.put(to, qkv, from, tokenFloats);
            kv.put(values + to, qkv, from + tokenFloats, tokenFloats);
        }
    }

    /** Each row's queries, {@code [count * kvHeads, heads / kvHeads, headDim]}. */
    NDArray queries(NDManager owner) {
        int queryFloats = config.heads() * config.headDim();
        float[] queries = new float[count * queryFloats];
        for (int row = 0; row < count; row++) {
            System.arraycopy(qkv, row * width, queries, row * queryFloats, queryFloats);
        }
        long groups = (long) count * config.kvHeads();
        long group = config.heads() / config.kvHeads();
        return owner.create(queries, new Shape(groups, group, config.headDim()));
    }

    /**
     * Each row's queries, as wide as all heads' keys together and zero outside their own head's:
     * {@code [count * heads, kvHeads * headDim]}.
     */
    NDArray wideQueries(NDManager owner) {
        int headDim = config.headDim();
        int wide = config.kvHeads() * headDim;
        int group = config.heads() / config.kvHeads();
        float[] queries = new float[count * config.heads() * wide];
        for (int row = 0; row < count; row++) {
            for (int head = 0; head < config.heads(); head++) {
                System.arraycopy(
                        qkv,
                        row * width + head * headDim,
                        queries,
                        (row * config.heads() + head) * wide + head / group * headDim,
                        headDim);
            }
        }
        return owner.create(queries, new Shape((long) count * config.heads(), wide));
    }
}
