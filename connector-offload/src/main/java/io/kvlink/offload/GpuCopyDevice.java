// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.cuda.CudaException;
import io.kvlink.cuda.Gpu;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;

/** A GPU through the CUDA driver. A status that the driver refuses with is a CudaException. */
final class GpuCopyDevice implements CopyDevice {

    private final Gpu gpu;

    private GpuCopyDevice(Gpu gpu) {
        this.gpu = gpu;
    }

    /**
     * Opens a device, with the calling thread attached.
     *
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if there is no such device
     */
    static GpuCopyDevice open(int ordinal) {
        try {
            return new GpuCopyDevice(Gpu.open(ordinal));
        } catch (CudaException refused) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE,
                    "device=%d %s".formatted(ordinal, refused.getMessage()),
                    refused);
        }
    }

    @Override
    public int ordinal() {
        return gpu.ordinal();
    }

    @Override
    public void attach() {
        gpu.attach();
    }

    @Override
    public long newStream() {
        return gpu.newStream();
    }

    @Override
    public void destroyStream(long stream) {
        gpu.destroyStream(stream);
    }

    @Override
    public long newEvent() {
        return gpu.newEvent();
    }

    @Override
    public void destroyEvent(long event) {
        gpu.destroyEvent(event);
    }

    @Override
    public void record(long event, long stream) {
        gpu.record(event, stream);
    }

    @Override
    public void await(long stream, long event) {
        gpu.await(stream, event);
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        gpu.copyAnywhere(to, from, bytes, stream);
    }

    @Override
    public void synchronize(long stream) {
        gpu.synchronizeStream(stream);
    }

    @Override
    public PageLocker pageLocker() {
        return new Locker(gpu);
    }

    // The engine's thread has the same context.
    @Override
    public void close() {
        gpu.closeAttached();
    }

    /** Locks on whatever thread a pool leases. */
    private record Locker(Gpu gpu) implements PageLocker {

        @Override
        public long lock(ByteBuffer memory) {
            gpu.attach();
            try {
                return gpu.lock(memory);
            } catch (CudaException refused) {
                throw new KvConnectorException(
                        KvError.NATIVE_CALL_FAILED, "%s".formatted(refused.getMessage()), refused);
            }
        }

        @Override
        public void unlock(long address) {
            gpu.attach();
            gpu.unlock(address);
        }
    }
}
