// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

/**
 * A GPU's reach beyond its own memory: to other processes of the host and to other GPUs. Any thread
 * that is attached to the device. Nothing is to be closed; it serves as long as its device is open.
 */
public final class GpuReach {

    /** Bytes of an exported handle. */
    public static final int HANDLE_BYTES = DriverCalls.IpcHandle.BYTES;

    private static final int ENABLE_PEER_ACCESS_WHERE_NEEDED = 1;

    private final Gpu device;

    /**
     * The reach of a device.
     *
     * @param device open; it stays the caller's
     */
    public GpuReach(Gpu device) {
        device.requireOpen();
        this.device = device;
    }

    /**
     * Makes allocated memory mappable by other processes of this host.
     *
     * @param address what {@link Gpu#allocate} gave
     * @return {@value #HANDLE_BYTES} bytes
     */
    public byte[] export(long address) {
        byte[] handle = new byte[HANDLE_BYTES];
        CudaException.check(DriverCalls.cuIpcGetMemHandle(handle, address), "cuIpcGetMemHandle");
        return handle;
    }

    /**
     * Maps another process's memory.
     *
     * @param handle what the other process has exported
     * @return the address here; the caller unmaps it
     */
    public long map(byte[] handle) {
        if (handle.length != HANDLE_BYTES) {
            throw new IllegalArgumentException(
                    "handleBytes=%d expected=%d".formatted(handle.length, HANDLE_BYTES));
        }
        DriverCalls.IpcHandle value = new DriverCalls.IpcHandle();
        System.arraycopy(handle, 0, value.reserved, 0, HANDLE_BYTES);
        long[] address = new long[1];
        CudaException.check(
                DriverCalls.cuIpcOpenMemHandle_v2(address, value, ENABLE_PEER_ACCESS_WHERE_NEEDED),
                "cuIpcOpenMemHandle");
        return address[0];
    }

    /** Undoes {@link #map}. */
    public void unmap(long address) {
        CudaException.check(DriverCalls.cuIpcCloseMemHandle(address), "cuIpcCloseMemHandle");
    }

    /** True if the device is that one, or can access its memory; false if nobody here sees it. */
    public boolean canAccess(String uuid) {
        if (uuid.equals(device.uuid())) {
            return true;
        }
        int peer = GpuFacts.deviceOf(uuid);
        int[] can = new int[1];
        if (peer >= 0) {
            CudaException.check(
                    DriverCalls.cuDeviceCanAccessPeer(can, device.handle(), peer),
                    "cuDeviceCanAccessPeer");
        }
        return can[0] != 0;
    }

    /**
     * Lets the calling thread's device access another one's memory in this process. It stays so as
     * long as both have a context; doing it again does nothing.
     *
     * @throws CudaException if this process doesn't see that GPU, or the driver refuses
     */
    public void enablePeer(String uuid) {
        if (uuid.equals(device.uuid())) {
            return;
        }
        int peer = GpuFacts.deviceOf(uuid);
        if (peer < 0) {
            throw CudaException.ofDriver(
                    "cuCtxEnablePeerAccess", DriverCalls.INVALID_DEVICE, "uuid=" + uuid);
        }
        long context = Gpu.retain(peer);
        try {
            int status = DriverCalls.cuCtxEnablePeerAccess(context, 0);
            if (status != DriverCalls.PEER_ACCESS_ALREADY_ENABLED) {
                CudaException.check(status, "cuCtxEnablePeerAccess");
            }
        } finally {
            Gpu.release(peer);
        }
    }
}
