// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import io.kvlink.spi.Availability;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.Arrays;

/**
 * Addresses of arrays, and arrays over addresses, in host memory or on a CUDA device, without a
 * copy. Any thread; nothing here waits for a device.
 *
 * <p>An address holds as long as its array is open: whoever hands it on keeps the array. An array
 * over an address borrows the memory and can't keep or free it. So the memory must outlive the
 * array and every view made of it. Closing the array frees its header only.
 *
 * <p>Element types that DJL has no name for ({@code bfloat16} and the 8-bit floats) are {@code
 * DataType.UNKNOWN} to it. {@code toType(FLOAT32)} and arithmetic work on such arrays. Never let
 * one change its device by DJL ({@code toDevice}, or {@code toByteBuffer} of a CUDA array) and
 * never pass such a {@code DataType} to DJL: it ends the JVM. Their bytes are read through an array
 * of {@link DType#I8} over the same address.
 */
public final class TensorMemory {

    private TensorMemory() {}

    /**
     * Tells whether addresses can be had.
     *
     * @param manager of the engine in question; not used otherwise
     * @return ready, or why not
     */
    public static Availability availability(NDManager manager) {
        if (!(manager instanceof PtNDManager)) {
            return Availability.missing(
                    "manager=%s; only arrays of DJL's PyTorch engine have addresses here"
                            .formatted(manager.getClass().getSimpleName()));
        }
        return TorchShim.availability();
    }

    /**
     * Address of an array's first element.
     *
     * @param array open, and contiguous: its elements are one run of bytes in row order
     * @return an address of the array's device
     * @throws IllegalArgumentException if the array isn't contiguous, or holds text
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if {@link #availability} says
     *     so, with {@link KvError#NATIVE_CALL_FAILED} if the array has no memory (a sparse one)
     */
    public static long address(NDArray array) {
        TorchShim shim = shim(array.getManager());
        if (array.getDataType() == DataType.STRING) {
            throw new IllegalArgumentException("type=STRING; text has no memory of its own");
        }
        long handle = ((PtNDArray) array).getHandle();
        long[] sizes = array.getShape().getShape();
        long[] strides = shim.strides(handle, sizes.length);
        if (!contiguous(sizes, strides)) {
            throw new IllegalArgumentException(
                    "shape=%s strides=%s; expected a contiguous array: copy it first"
                            .formatted(array.getShape(), Arrays.toString(strides)));
        }
        return shim.address(handle);
    }

    /**
     * An array over memory of somebody else.
     *
     * @param manager whose device the memory is on; the array is attached to it
     * @param address of the first element, a multiple of the element's size
     * @param type of the elements
     * @param shape elements in row order, {@code shape.size() * type.bytes()} bytes
     * @return to be closed by the caller or by the manager, before the memory goes away
     * @throws IllegalArgumentException if the address, the shape or the device can't be
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if {@link #availability} says
     *     so or this libtorch has no such type, with {@link KvError#NATIVE_CALL_FAILED} if the
     *     address isn't one of the manager's device (checked for CUDA only)
     */
    public static NDArray over(NDManager manager, long address, DType type, Shape shape) {
        TorchShim shim = shim(manager);
        if (address == 0 || address % type.bytes() != 0) {
            throw new IllegalArgumentException(
                    "address=0x%x expected=a multiple of %d, not 0"
                            .formatted(address, type.bytes()));
        }
        long[] sizes = shape.getShape();
        long[] strides = strides(sizes, type);
        Device device = manager.getDevice();
        if (!device.isGpu() && !device.equals(Device.cpu())) {
            throw new IllegalArgumentException("device=%s expected=cpu or gpu".formatted(device));
        }
        long handle = shim.fromBlob(address, sizes, strides, type, device);
        return new PtNDArray((PtNDManager) manager, handle);
    }

    private static TorchShim shim(NDManager manager) {
        Availability availability = availability(manager);
        if (!availability.ready()) {
            throw new KvConnectorException(KvError.UNAVAILABLE, availability.reason());
        }
        return TorchShim.loaded();
    }

    /** Strides of a shape in row order, in elements; refuses what has no size. */
    private static long[] strides(long[] sizes, DType type) {
        long[] strides = new long[sizes.length];
        long elements = 1;
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            strides[axis] = elements;
            if (sizes[axis] < 0
                    || sizes[axis] > Long.MAX_VALUE / type.bytes() / Math.max(1, elements)) {
                throw new IllegalArgumentException(
                        "shape=%s type=%s expected=known sizes, fewer than 2^63 bytes"
                                .formatted(Arrays.toString(sizes), type.key()));
            }
            elements *= sizes[axis];
        }
        return strides;
    }

    private static boolean contiguous(long[] sizes, long[] strides) {
        long expected = 1;
        boolean inOrder = true;
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            if (sizes[axis] == 0) {
                return true;
            }
            // The stride of an axis of one element is never used, so it may be anything.
            inOrder &= sizes[axis] == 1 || strides[axis] == expected;
            expected *= sizes[axis];
        }
        return inOrder;
    }
}
