// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import java.nio.ByteBuffer;

/** Bytes into and out of device memory, on a stream of their own, by the calling thread. */
public final class DeviceBytes {

    private DeviceBytes() {}

    /** Puts bytes at a device address. */
    public static void write(CudaDevice device, long address, byte[] content) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(content.length).put(content).flip();
        long locked = device.pageLocker().lock(buffer);
        copy(device, locked, address, content.length);
        device.pageLocker().unlock(locked);
    }

    /** The bytes at a device address. */
    public static byte[] read(CudaDevice device, long address, int bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
        long locked = device.pageLocker().lock(buffer);
        copy(device, address, locked, bytes);
        device.pageLocker().unlock(locked);
        byte[] content = new byte[bytes];
        buffer.get(content);
        return content;
    }

    private static void copy(CudaDevice device, long source, long destination, int bytes) {
        try (CudaStream own = device.newStream();
                CudaEvent end = device.newEvent()) {
            device.copy(source, destination, bytes, own);
            device.record(end, own);
            device.synchronize(end);
        }
    }
}
