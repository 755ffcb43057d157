// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

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

    /** Work of a forward call. */
    sealed interface Step permits Chunk, Rows {}

    /**
     * Several tokens of one sequence.
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
     * @param filling zeros {@code [rows, heads * headDim]} in place of the attention of rows that
     *     only fill up; null if there are none
     * @param slots columns of the layer's KV that are the sequences' next
     * @param rotary tables of just the rows' positions
     */
    record Rows(
            List<LogitsRow> sequences,
            int count,
            @Nullable NDArray filling,
            NDIndex slots,
            RotaryTable rotary)
            implements Step {
        /** Rows with as much filling as they need, in arrays of the owner's. */
        static Rows of(
                NDManager owner,
                ModelConfig config,
                RotaryTable rotary,
                List<LogitsRow> sequences,
                int count) {
            int filled = count - sequences.size();
            Shape filling = new Shape(filled, (long) config.heads() * config.headDim());
            long[] slots =
                    sequences.stream()
                            .mapToLong(row -> (long) row.slots().firstSlot() + row.position())
                            .toArray();
            long[] positions = new long[count];
            // What fills up must be at some position: the first row's will do.
            Arrays.setAll(positions, i -> sequences.get(i < sequences.size() ? i : 0).position());
            return new Rows(
                    sequences,
                    count,
                    filled == 0 ? null : owner.zeros(filling),
                    new NDIndex(":, {}", owner.create(slots)),
                    rotary.at(owner, positions));
        }
    }

    /** Adds the layer's attention and feed-forward to {@code x}, {@code [count, hidden]}. */
    void forward(NDArray x, Step step, LayerHook hook) {
        weights.out().addTo(x, attention(norm.apply(x), step, hook));
        hook.afterLayer(index);
        addFeedForward(norm.apply(x), x);
    }

    /** Writes k and v; attention's output {@code [count, heads * headDim]}. */
    private NDArray attention(NDArray x, Step step, LayerHook hook) {
        if (step instanceof Chunk chunk) {
            NDArray qkv = qkv(x, chunk.count());
            chunk.rotary().rotate(queriesAndKeys(qkv, halves(chunk.count())));
            hook.beforeAttention(index);
            store(qkv, chunk);
            return attention(x.getManager(), qkv, chunk);
        }
        Rows rows = (Rows) step;
        return rowAttention.apply(qkv(x, rows.count()), rows, () -> hook.beforeAttention(index));
    }

    /** q, k and v of each row, q and k with their norms. */
    private NDArray qkv(NDArray x, int count) {
        NDArray qkv = weights.qkv().apply(x);
        int heads = config.heads() + config.kvHeads();
        weights.headNorms()
                .apply(queriesAndKeys(qkv, new Shape(count, heads, config.headDim())), norm);
        return qkv;
    }

    /** A view of the q and k part of {@code qkv}. */
    private NDArray queriesAndKeys(NDArray qkv, Shape shape) {
        long width = (long) (config.heads() + config.kvHeads()) * config.headDim();
        return TorchOps.slice(qkv, 1, 0, width).reshape(shape);
    }

    /** Each head's halves on an axis of their own. */
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

    /** Adds SwiGLU of {@code x} to {@code sum}. */
    private void addFeedForward(NDArray x, NDArray sum) {
        int inner = config.intermediateSize();
        NDArray gateUp = weights.gateUp().apply(x);
        NDArray gate = TorchOps.slice(gateUp, 1, 0, inner);
        NDArray active = gate.getNDArrayInternal().sigmoid();
        active.muli(gate);
        active.muli(TorchOps.slice(gateUp, 1, inner, 2L * inner));
        weights.down().addTo(sum, active);
    }
}
