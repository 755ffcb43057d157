// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.p2p.internal.cuda.DriverDevice;

/** Memory of a GPU for one floor: layers that another process can map at once. One thread. */
final class FloorMemory implements AutoCloseable {

    // Smaller ones share their memory with others, and would be mapped together.
    private static final long LEAST_BYTES = 4L << 20;

    private final DriverDevice gpu;
    private final long base;
    private final long stride;

    FloorMemory(DriverDevice gpu, int layers, long layerBytes) {
        this.gpu = gpu;
        this.stride = layerBytes;
        base = gpu.allocate(Math.max(LEAST_BYTES, layers * layerBytes));
    }

    /** Address of the first layer. */
    long base() {
        return base;
    }

    /** Bytes from a layer to the next. */
    long stride() {
        return stride;
    }

    /** Handle that lets another process map it. */
    byte[] export() {
        return gpu.export(base);
    }

    @Override
    public void close() {
        gpu.free(base);
    }
}
