// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.PageLocker;

/**
 * One GPU, as far as the connector needs it. A thread calls {@link #attach} before it calls
 * anything else. After that any attached thread may call any method. No method but {@link
 * #synchronize} and the ones that allocate, free or map waits for the device.
 *
 * <p>Each method throws {@link KvConnectorException} with {@link KvError#NATIVE_CALL_FAILED},
 * naming the call and its status. Addresses are CUDA's unified ones: of device memory, of mapped
 * memory, and of locked host memory.
 */
public interface CudaDevice extends AutoCloseable {

    /** The device's ordinal in this process. */
    int ordinal();

    /** The GPU's identity, the same in all processes: 32 hexadecimal digits. */
    String uuid();

    /**
     * True if the copy engine of this device can write to another one.
     *
     * @param uuid the other one's {@link #uuid}
     * @return true if this process sees it and there is a peer-to-peer path, or it is this device
     */
    boolean canReach(String uuid);

    /** Makes the device the calling thread's. Once a thread. */
    void attach();

    /**
     * Allocates device memory.
     *
     * @param bytes how many, at least 1
     * @return the address
     */
    long allocate(long bytes);

    /**
     * Frees what {@link #allocate} returned.
     *
     * @param address the address
     */
    void free(long address);

    /** Bytes of device memory that nobody uses. */
    long freeBytes();

    /**
     * Makes allocated memory mappable by other processes of this host.
     *
     * @param address what {@link #allocate} returned
     * @return the handle, 64 bytes
     */
    byte[] export(long address);

    /**
     * Maps another process's memory.
     *
     * @param handle what the other process's {@link #export} returned
     * @return the address here
     */
    long map(byte[] handle);

    /**
     * Undoes {@link #map}.
     *
     * @param address what it returned
     */
    void unmap(long address);

    /**
     * Lets this device access another one's memory in this process.
     *
     * @param uuid the other one's {@link #uuid}
     */
    void enablePeer(String uuid);

    /** Locks host memory for this host's copy engines. */
    PageLocker pageLocker();

    /** Makes a stream of high priority that doesn't wait for the default stream. */
    CudaStream newStream();

    /**
     * Somebody else's stream.
     *
     * @param handle the address of the {@code cudaStream_t}, 0 for the default stream
     */
    CudaStream stream(long handle);

    /** Makes an event; it is complete until it is recorded. */
    CudaEvent newEvent();

    /** Marks the end of what is enqueued now. */
    void record(CudaEvent event, CudaStream stream);

    /** Lets what is enqueued from now on wait until the event, as recorded now, is reached. */
    void await(CudaStream stream, CudaEvent event);

    /** True if the device has reached the event as last recorded. */
    boolean complete(CudaEvent event);

    /** Waits until the device has reached the event as last recorded. */
    void synchronize(CudaEvent event);

    /**
     * Enqueues a copy for the copy engine.
     *
     * @param source address of the first byte
     * @param destination address of the first byte
     * @param bytes how many
     * @param stream where to
     */
    void copy(long source, long destination, long bytes, CudaStream stream);

    /**
     * Makes a copier for many runs.
     *
     * @param mostBlocks blocks of threads that share a launch's few long runs, such as {@link
     *     RunCopier#WIDE}; a launch of more runs than that has one for each
     */
    RunCopier newRunCopier(int mostBlocks);

    /** Lets go of the device. Streams, events, memory and mappings must be given back before. */
    @Override
    void close();
}
