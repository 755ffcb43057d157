// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.tensor.TensorMemory;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One layer's KV memory, as a connector and as the engine see it: the same bytes, zeroed.
 *
 * @param region the array's memory, which lives until the array is closed; on the host a direct
 *     buffer over it
 * @param array of the type that is computed in, closed by its manager
 */
record KvLayerMemory(MemoryRegion region, NDArray array) {
    /** Every layer begins at a multiple of this; a device's allocator aligns more coarsely. */
    static final int ALIGNMENT = 64;

    /** Allocates on the manager's device. */
    static KvLayerMemory allocate(NDManager manager, Shape shape, ComputeType type) {
        NDArray array = manager.zeros(shape, type.carrier());
        return new KvLayerMemory(
                manager.getDevice().isGpu() ? onDevice(manager, array, type) : onHost(array),
                type.over(array));
    }

    private static MemoryRegion onHost(NDArray array) {
        // The array's own bytes, since it is contiguous and on the CPU.
        ByteBuffer buffer = array.toByteBuffer(true).order(ByteOrder.nativeOrder());
        if (buffer.alignmentOffset(0, ALIGNMENT) != 0) {
            throw new IllegalStateException(
                    "libtorch's memory is no multiple of %d bytes: %s"
                            .formatted(ALIGNMENT, array.getShape()));
        }
        return MemoryRegion.ofBuffer(buffer);
    }

    private static MemoryRegion onDevice(NDManager manager, NDArray array, ComputeType type) {
        return MemoryRegion.ofDevice(
                manager.getDevice().getDeviceId(),
                TensorMemory.address(array),
                array.size() * type.kvType().bytes());
    }
}
