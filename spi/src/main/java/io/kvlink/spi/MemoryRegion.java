// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Bytes in a row, on the host or on a device. A view: it neither owns the memory nor keeps it
 * mapped, so whoever made it keeps the memory alive while a region is in use. Immutable.
 */
public final class MemoryRegion {

    private final MemoryKind kind;
    private final int device;
    private final long address;
    private final long bytes;
    private final @Nullable ByteBuffer buffer;

    private MemoryRegion(
            MemoryKind kind, int device, long address, long bytes, @Nullable ByteBuffer buffer) {
        this.kind = kind;
        this.device = device;
        this.address = address;
        this.bytes = bytes;
        this.buffer = buffer;
    }

    /**
     * A region of host memory: the buffer's bytes from its position to its limit.
     *
     * @param buffer a heap or direct buffer; its position and limit are read now, and never moved
     * @return the region, {@link MemoryKind#HEAP} or {@link MemoryKind#DIRECT}
     */
    public static MemoryRegion ofBuffer(ByteBuffer buffer) {
        return new MemoryRegion(
                buffer.isDirect() ? MemoryKind.DIRECT : MemoryKind.HEAP,
                -1,
                0,
                buffer.remaining(),
                buffer.slice());
    }

    /**
     * A region of page-locked host memory.
     *
     * @param buffer a direct buffer over the memory, from its position to its limit
     * @param address the memory's address, not 0
     * @return the region, {@link MemoryKind#PINNED}
     */
    public static MemoryRegion ofPinned(ByteBuffer buffer, long address) {
        if (!buffer.isDirect() || address == 0) {
            throw new IllegalArgumentException(
                    "direct=" + buffer.isDirect() + " address=" + address);
        }
        return new MemoryRegion(MemoryKind.PINNED, -1, address, buffer.remaining(), buffer.slice());
    }

    /**
     * A region of a GPU's memory.
     *
     * @param device the GPU's ordinal in this process, from 0
     * @param address the device address, not 0
     * @param bytes the size, at least 1
     * @return the region, {@link MemoryKind#DEVICE}
     */
    public static MemoryRegion ofDevice(int device, long address, long bytes) {
        if (device < 0 || address == 0 || bytes < 1) {
            throw new IllegalArgumentException(
                    "device=" + device + " address=" + address + " bytes=" + bytes);
        }
        return new MemoryRegion(MemoryKind.DEVICE, device, address, bytes, null);
    }

    /** Place of the bytes. */
    public MemoryKind kind() {
        return kind;
    }

    /** The GPU's ordinal, or -1 for host memory. */
    public int device() {
        return device;
    }

    /** The first byte's address, or 0 where it isn't known (heap and plain direct buffers). */
    public long address() {
        return address;
    }

    /** The size in bytes. */
    public long bytes() {
        return bytes;
    }

    /**
     * The bytes as a buffer of its own position and limit, in native order.
     *
     * @return a fresh view from 0 to {@link #bytes()}
     * @throws IllegalStateException for device memory
     */
    public ByteBuffer buffer() {
        if (buffer == null) {
            throw new IllegalStateException("no host bytes: " + this);
        }
        return buffer.duplicate().order(ByteOrder.nativeOrder());
    }

    /**
     * A part of this region.
     *
     * @param offset the first byte, from 0
     * @param length its size in bytes
     * @return a view of the same memory
     * @throws IndexOutOfBoundsException if the part isn't inside this region
     */
    public MemoryRegion slice(long offset, long length) {
        Objects.checkFromIndexSize(offset, length, bytes);
        ByteBuffer part =
                buffer == null
                        ? null
                        : buffer.slice(Math.toIntExact(offset), Math.toIntExact(length));
        return new MemoryRegion(kind, device, address == 0 ? 0 : address + offset, length, part);
    }

    @Override
    public String toString() {
        return "MemoryRegion[kind=%s device=%d address=0x%x bytes=%d]"
                .formatted(kind, device, address, bytes);
    }
}
