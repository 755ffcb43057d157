// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Memory of a fake engine's KV, and the stream it computes on. On a device nothing but {@link
 * #close} and a read's {@code get} may wait. Work is enqueued and runs in order, later, so that a
 * connector that ignores the stream's order is found out. On the host all happens at once.
 *
 * <p>One engine's, used by the test's thread. {@link #heap} and {@link #direct} need no device.
 */
public interface KvMemory extends AutoCloseable {

    /** Arrays of the Java heap. */
    static KvMemory heap() {
        return new HostKvMemory(false);
    }

    /** Direct buffers. */
    static KvMemory direct() {
        return new HostKvMemory(true);
    }

    /** The device and its stream, for the connector's context; empty for host memory. */
    Optional<KvDevice> device();

    /**
     * The engine is about to call its connector: makes the device the calling thread's. An engine
     * has a thread for each device; the suite has one for all.
     */
    default void enter() {}

    /**
     * Allocates memory that lives until {@link #close}.
     *
     * @param regions how many
     * @param bytes size of each
     * @return the regions; their content is anything
     */
    List<MemoryRegion> allocate(int regions, long bytes);

    /**
     * Enqueues a write.
     *
     * @param region what {@link #allocate} returned
     * @param runs where to, in the order of the content; they are inside the region
     * @param content the bytes; the caller may change them as soon as this returns
     */
    void write(MemoryRegion region, List<KvLayout.Run> runs, byte[] content);

    /**
     * Enqueues a read of a whole region.
     *
     * @param region what {@link #allocate} returned
     * @return gives the bytes as they were when the stream got here, and waits for that; asked once
     *     at most, before {@link #close}
     */
    Supplier<byte[]> read(MemoryRegion region);

    /**
     * Makes the stream slow: what is enqueued from now on runs some tens of milliseconds later than
     * it might. Nothing on the host.
     */
    void delay();

    /** Waits for the stream, and frees all. The connector is closed before. */
    @Override
    void close();
}
