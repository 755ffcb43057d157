// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Products of rows with matrices that oneDNN has laid out for them, float32 on the CPU. A library
 * that gets the matrix as it lies copies it into such a layout for each product. Any thread.
 *
 * <p>A packed matrix is an array without an address. Its shape can be asked for, it can be
 * multiplied with here, and it is closed like any other; nothing else may be done with it.
 */
public final class PackedLinear {

    private static final String PACK = "mkldnn::_reorder_linear_weight";
    private static final String DISPATCH = "aoti_torch_call_dispatcher";
    private static final String NEW_HANDLE = "aoti_torch_new_tensor_handle";
    private static final String LINEAR = "aoti_torch_cpu__linear_pointwise";

    /** Probed once, when it is first asked for; the engine is there then. */
    private static final class Probe {
        static final ShimPart<PackedLinear> FOUND = probe(TorchShim::symbol);
    }

    private final Function dispatch;
    private final Function newHandle;
    private final Function linear;
    // What is done to a product: nothing more.
    private final Memory plain = text("none");
    private final Memory packName = text(PACK);
    private final Memory noOverload = text("");

    private PackedLinear(ShimPart.Symbols symbols) {
        dispatch = symbols.find(DISPATCH);
        newHandle = symbols.find(NEW_HANDLE);
        linear = symbols.find(LINEAR);
        requireItMultiplies();
    }

    static ShimPart<PackedLinear> probe(ShimPart.Symbols symbols) {
        return ShimPart.probe(
                "libtorch packs no matrices; that needs libtorch 2.7 or newer, built with oneDNN",
                symbols,
                PackedLinear::new);
    }

    private static Memory text(String ascii) {
        byte[] bytes = ascii.getBytes(StandardCharsets.US_ASCII);
        Memory memory = new Memory(bytes.length + 1L);
        memory.clear();
        memory.write(0, bytes, 0, bytes.length);
        return memory;
    }

    private void requireItMultiplies() {
        try (NDManager manager =
                ai.djl.engine.Engine.getEngine("PyTorch").newBaseManager(Device.cpu())) {
            NDArray rows = manager.create(new float[] {1, 2}, new Shape(1, 2));
            NDArray matrix = manager.create(new float[] {3, 4, 5, 6}, new Shape(2, 2));
            float[] product = multiply(rows, packed(matrix), null).toFloatArray();
            if (product[0] != 11 || product[1] != 17) {
                throw new KvConnectorException(
                        KvError.UNAVAILABLE, "a product of 2 x 2 comes out wrong");
            }
        }
    }

    /** Tells whether matrices can be packed; the engine must have been started. */
    public static Availability availability() {
        return Probe.FOUND.availability();
    }

    /**
     * Packs a matrix.
     *
     * @param matrix {@code [out, in]}, float32, on the CPU; borrowed
     * @return the same numbers, of the matrix's manager
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if {@link #availability} says
     *     so, with {@link KvError#NATIVE_CALL_FAILED} if there is no memory
     */
    public static NDArray pack(NDArray matrix) {
        if (matrix.getDataType() != DataType.FLOAT32 || matrix.getDevice().isGpu()) {
            throw new IllegalArgumentException(
                    "type=%s device=%s expected=float32 on the CPU"
                            .formatted(matrix.getDataType(), matrix.getDevice()));
        }
        return Probe.FOUND.required().packed(matrix);
    }

    /**
     * Multiplies.
     *
     * @param rows {@code [rows, in]}, float32
     * @param packed made by {@link #pack}, {@code [out, in]}
     * @param bias {@code [out]}, added to each row; null if there is none
     * @return {@code [rows, out]}, of the rows' manager
     */
    public static NDArray apply(NDArray rows, NDArray packed, @Nullable NDArray bias) {
        return Probe.FOUND.required().multiply(rows, packed, bias);
    }

    private NDArray packed(NDArray matrix) {
        long[] made = new long[1];
        TorchShim.check(newHandle.invokeInt(new Object[] {handle(matrix), made}), NEW_HANDLE, "");
        // Its arguments, the handle and no number of rows; then its result. The dispatcher frees
        // the
        // handle as it reads it, and so before libtorch may refuse the matrix. Only one that knows
        // no
        // such operation leaves it: the first call of all finds that out, with a matrix of 2 x 2.
        long[] stack = {made[0], 0};
        TorchShim.check(
                dispatch.invokeInt(new Object[] {packName, noOverload, stack}),
                PACK,
                "shape=" + matrix.getShape());
        return new PtNDArray((PtNDManager) matrix.getManager(), stack[0]);
    }

    private NDArray multiply(NDArray rows, NDArray packed, @Nullable NDArray bias) {
        long[] made = new long[1];
        long[] biasHandle = bias == null ? null : new long[] {((PtNDArray) bias).getHandle()};
        int status =
                linear.invokeInt(
                        new Object[] {
                            handle(rows), handle(packed), biasHandle, plain, null, 0L, null, made
                        });
        if (status != 0) {
            TorchShim.check(
                    status,
                    LINEAR,
                    "rows=%s matrix=%s".formatted(rows.getShape(), packed.getShape()));
        }
        return new PtNDArray((PtNDManager) rows.getManager(), made[0]);
    }

    private static Pointer handle(NDArray array) {
        return new Pointer(((PtNDArray) array).getHandle());
    }
}
