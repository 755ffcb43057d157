// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import static io.kvlink.benchmarks.DriverCalls.check;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.jspecify.annotations.Nullable;

/**
 * KV memory on a GPU: one allocation, cut into layers, so that another process can map all of it.
 */
final class DeviceKvMemory implements KvMemory {

    // Smaller ones share their memory with others, and would be mapped together.
    private static final long LEAST_BYTES = 4L << 20;

    private final DriverDevice device;
    private final long base;
    private final long regionBytes;
    private final List<MemoryRegion> layers;
    private final @Nullable CUstream_st own;
    private final CudaStream stream;
    private final CudaEvent reached;
    private final DeviceBytes bytes;

    /**
     * Takes a GPU and its memory; the calling thread is the engine's.
     *
     * @param ordinal the GPU
     * @param layers how many
     * @param regionBytes of each layer
     * @param ownStream whether the engine's stream is one of its own, instead of the default one
     */
    DeviceKvMemory(int ordinal, int layers, long regionBytes, boolean ownStream) {
        this.regionBytes = regionBytes;
        device = DriverDevice.open(ordinal);
        base = device.allocate(Math.max(LEAST_BYTES, layers * regionBytes));
        this.layers =
                IntStream.range(0, layers)
                        .mapToObj(
                                layer ->
                                        MemoryRegion.ofDevice(
                                                ordinal, base + layer * regionBytes, regionBytes))
                        .toList();
        own = ownStream ? newStream() : null;
        stream = device.stream(own == null ? 0 : own.address());
        reached = device.newEvent();
        bytes = new DeviceBytes(own, base);
    }

    private static CUstream_st newStream() {
        CUstream_st stream = new CUstream_st();
        check(cudart.cuStreamCreate(stream, cudart.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        return stream;
    }

    DriverDevice gpu() {
        return device;
    }

    /** The first layer's address; the others follow without a gap. */
    long base() {
        return base;
    }

    long regionBytes() {
        return regionBytes;
    }

    @Override
    public List<MemoryRegion> layers() {
        return layers;
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.of(new KvDevice(device.ordinal(), own == null ? 0 : own.address()));
    }

    @Override
    public void fill(int layer, long offset, long bytes, long seed, long position) {
        this.bytes.fill(layers.get(layer).address() + offset, bytes, seed, position);
    }

    @Override
    public void compare(int layer, long offset, long bytes, long seed, long position) {
        this.bytes.compare(layers.get(layer).address() + offset, bytes, seed, position);
    }

    @Override
    public long differences() {
        return bytes.differences();
    }

    @Override
    public void settle() {
        device.record(reached, stream);
        device.synchronize(reached);
    }

    @Override
    public void close() {
        settle();
        bytes.close();
        reached.close();
        if (own != null) {
            check(cudart.cuStreamDestroy(own), "cuStreamDestroy");
        }
        device.free(base);
        device.close();
    }
}
