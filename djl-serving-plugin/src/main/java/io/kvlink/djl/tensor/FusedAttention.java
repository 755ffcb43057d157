// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import com.sun.jna.Function;
import com.sun.jna.Pointer;
import io.kvlink.spi.Availability;

/**
 * Attention of float32 arrays on the CPU in one call of libtorch, which keeps no scores in memory.
 * Any thread.
 */
public final class FusedAttention {

    private static final String ATTEND =
            "aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu";
    private static final String DELETE = "aoti_torch_delete_tensor_object";

    private static final double[] UNSCALED = {1};

    /** Probed once, when it is first asked for; the engine is there then. */
    private static final class Probe {
        static final ShimPart<FusedAttention> FOUND = probe(TorchShim::symbol);
    }

    private final Function attend;
    private final Function delete;

    private FusedAttention(ShimPart.Symbols symbols) {
        attend = symbols.find(ATTEND);
        delete = symbols.find(DELETE);
    }

    static ShimPart<FusedAttention> probe(ShimPart.Symbols symbols) {
        return ShimPart.probe(
                "libtorch's attention can't be called; that needs libtorch 2.7 or newer",
                symbols,
                FusedAttention::new);
    }

    /** Tells whether it can be called; the engine must have been started. */
    public static Availability availability() {
        return Probe.FOUND.availability();
    }

    /**
     * Mixes values: each query sees all keys, and the scores are taken as they come.
     *
     * @param queries {@code [batch, heads, queries, headDim]}
     * @param keys {@code [batch, heads, length, headDim]}; numbers of a head lie in a row, as in
     *     the others
     * @param values like the keys
     * @return like the queries, of their manager
     */
    public static NDArray apply(NDArray queries, NDArray keys, NDArray values) {
        return Probe.FOUND.required().mixed(queries, keys, values);
    }

    private NDArray mixed(NDArray queries, NDArray keys, NDArray values) {
        long[] made = new long[1];
        long[] sums = new long[1];
        int status =
                attend.invokeInt(
                        new Object[] {
                            handle(queries),
                            handle(keys),
                            handle(values),
                            0.0,
                            0,
                            null,
                            UNSCALED,
                            made,
                            sums
                        });
        if (status != 0) {
            TorchShim.check(
                    status,
                    ATTEND,
                    "queries=%s keys=%s".formatted(queries.getShape(), keys.getShape()));
        }
        delete.invokeInt(new Object[] {new Pointer(sums[0])});
        return new PtNDArray((PtNDManager) queries.getManager(), made[0]);
    }

    private static Pointer handle(NDArray array) {
        return new Pointer(((PtNDArray) array).getHandle());
    }
}
