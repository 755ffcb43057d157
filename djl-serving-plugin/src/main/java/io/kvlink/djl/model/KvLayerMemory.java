// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.tensor.TensorMemory;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One layer's KV memory, as a connector and as the engine see it: the same bytes, zeroed.
 *
 * @param region on the host a direct buffer, which lives until the last buffer of it is
 *     unreachable; on a device the array's memory, which lives until the array is closed
 * @param array of the type that is computed in, closed by its manager
 */
record KvLayerMemory(MemoryRegion region, NDArray array) {
    /** Every layer begins at a multiple of this; a device's allocator aligns more coarsely. */
    static final int ALIGNMENT = 64;

    /** Allocates on the manager's device. */
    static KvLayerMemory allocate(NDManager manager, Shape shape, ComputeType type) {
        return manager.getDevice().isGpu()
                ? onDevice(manager, shape, type)
                : onHost(manager, shape, type);
    }

    private static KvLayerMemory onHost(NDManager manager, Shape shape, ComputeType type) {
        int bytes = Math.toIntExact(shape.size() * type.kvType().bytes());
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(bytes + ALIGNMENT)
                        .alignedSlice(ALIGNMENT)
                        .slice(0, bytes)
                        .order(ByteOrder.nativeOrder());
        NDArray array =
                manager.create(
                        buffer.duplicate().order(ByteOrder.nativeOrder()), shape, type.carrier());
        return new KvLayerMemory(MemoryRegion.ofBuffer(buffer), type.over(array));
    }

    private static KvLayerMemory onDevice(NDManager manager, Shape shape, ComputeType type) {
        NDArray array = manager.zeros(shape, type.carrier());
        MemoryRegion region =
                MemoryRegion.ofDevice(
                        manager.getDevice().getDeviceId(),
                        TensorMemory.address(array),
                        shape.size() * type.kvType().bytes());
        return new KvLayerMemory(region, type.over(array));
    }
}
