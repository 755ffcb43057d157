// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static io.kvlink.p2p.internal.cuda.CudaCalls.check;

import io.kvlink.p2p.internal.cuda.CudaCalls.Address;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.PageLocker;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUipcMemHandle_v1;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudart.CUuuid;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.jspecify.annotations.Nullable;

/**
 * A GPU through JavaCPP's CUDA preset: driver calls in the device's primary context, which is also
 * the one of CUDA's runtime and of libtorch.
 */
public final class JavaCppDevice implements CudaDevice {

    private static final String KERNELS = "copy_runs.ptx";

    private final int ordinal;
    private final int device;
    private final String uuid;
    private final CUctx_st context;
    private @Nullable CUmod_st module;

    private JavaCppDevice(int ordinal, int device, CUctx_st context) {
        this.ordinal = ordinal;
        this.device = device;
        this.context = context;
        this.uuid = uuid(device);
    }

    /**
     * Opens a device.
     *
     * @param ordinal its ordinal in this process
     * @return the device, with the calling thread attached; the caller closes it
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if there is no such device
     */
    public static JavaCppDevice open(int ordinal) {
        check(cudart.cuInit(0), "cuInit", "");
        if (ordinal < 0 || ordinal >= count()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "device=%d; this process sees %d of them".formatted(ordinal, count()));
        }
        int device = handle(ordinal);
        CUctx_st context = new CUctx_st();
        check(
                cudart.cuDevicePrimaryCtxRetain(context, device),
                "cuDevicePrimaryCtxRetain",
                "device=" + ordinal);
        JavaCppDevice opened = new JavaCppDevice(ordinal, device, context);
        opened.attach();
        return opened;
    }

    /** Number of devices that this process sees. */
    public static int count() {
        int[] count = new int[1];
        check(cudart.cuInit(0), "cuInit", "");
        check(cudart.cuDeviceGetCount(count), "cuDeviceGetCount", "");
        return count[0];
    }

    private static int handle(int ordinal) {
        int[] handle = new int[1];
        check(cudart.cuDeviceGet(handle, ordinal), "cuDeviceGet", "device=" + ordinal);
        return handle[0];
    }

    private static String uuid(int device) {
        try (CUuuid uuid = new CUuuid()) {
            check(cudart.cuDeviceGetUuid(uuid, device), "cuDeviceGetUuid", "device=" + device);
            byte[] bytes = new byte[16];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = uuid.bytes(i);
            }
            return HexFormat.of().formatHex(bytes);
        }
    }

    /** The ordinal of a device that this process sees, or -1. */
    private static int ordinalOf(String uuid) {
        for (int ordinal = 0; ordinal < count(); ordinal++) {
            if (uuid(handle(ordinal)).equals(uuid)) {
                return ordinal;
            }
        }
        return -1;
    }

    @Override
    public int ordinal() {
        return ordinal;
    }

    @Override
    public String uuid() {
        return uuid;
    }

    @Override
    public boolean canReach(String peer) {
        if (peer.equals(uuid)) {
            return true;
        }
        int other = ordinalOf(peer);
        int[] can = new int[1];
        if (other >= 0) {
            check(
                    cudart.cuDeviceCanAccessPeer(can, device, handle(other)),
                    "cuDeviceCanAccessPeer",
                    "device=" + ordinal + " peer=" + other);
        }
        return can[0] != 0;
    }

    @Override
    public void attach() {
        check(cudart.cuCtxSetCurrent(context), "cuCtxSetCurrent", "device=" + ordinal);
    }

    @Override
    public long allocate(long bytes) {
        long[] address = new long[1];
        check(
                cudart.cuMemAlloc(address, bytes),
                "cuMemAlloc",
                "device=%d bytes=%d".formatted(ordinal, bytes));
        return address[0];
    }

    @Override
    public void free(long address) {
        check(cudart.cuMemFree(address), "cuMemFree", "device=" + ordinal);
    }

    @Override
    public long freeBytes() {
        try (SizeTPointer free = new SizeTPointer(1);
                SizeTPointer total = new SizeTPointer(1)) {
            check(cudart.cuMemGetInfo(free, total), "cuMemGetInfo", "device=" + ordinal);
            return free.get();
        }
    }

    @Override
    public byte[] export(long address) {
        try (CUipcMemHandle_v1 handle = new CUipcMemHandle_v1()) {
            check(
                    cudart.cuIpcGetMemHandle(handle, address),
                    "cuIpcGetMemHandle",
                    "device=" + ordinal);
            byte[] bytes = new byte[cudart.CU_IPC_HANDLE_SIZE];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = handle.reserved(i);
            }
            return bytes;
        }
    }

    @Override
    public long map(byte[] bytes) {
        try (CUipcMemHandle_v1 handle = new CUipcMemHandle_v1()) {
            for (int i = 0; i < bytes.length; i++) {
                handle.reserved(i, bytes[i]);
            }
            long[] address = new long[1];
            check(
                    cudart.cuIpcOpenMemHandle(
                            address, handle, cudart.CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS),
                    "cuIpcOpenMemHandle",
                    "device=" + ordinal);
            return address[0];
        }
    }

    @Override
    public void unmap(long address) {
        check(cudart.cuIpcCloseMemHandle(address), "cuIpcCloseMemHandle", "device=" + ordinal);
    }

    @Override
    public void enablePeer(String peer) {
        if (peer.equals(uuid)) {
            return;
        }
        int other = handle(ordinalOf(peer));
        CUctx_st context = new CUctx_st();
        check(
                cudart.cuDevicePrimaryCtxRetain(context, other),
                "cuDevicePrimaryCtxRetain",
                "device=" + other);
        int status = cudart.cuCtxEnablePeerAccess(context, 0);
        if (status != cudart.CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED) {
            check(status, "cuCtxEnablePeerAccess", "device=%d peer=%d".formatted(ordinal, other));
        }
        check(
                cudart.cuDevicePrimaryCtxRelease(other),
                "cuDevicePrimaryCtxRelease",
                "device=" + other);
    }

    @Override
    public PageLocker pageLocker() {
        return new JavaCppPageLocker(this);
    }

    @Override
    public CudaStream newStream() {
        CUstream_st stream = new CUstream_st();
        int[] least = new int[1];
        int[] greatest = new int[1];
        check(
                cudart.cuCtxGetStreamPriorityRange(least, greatest),
                "cuCtxGetStreamPriorityRange",
                "device=" + ordinal);
        check(
                cudart.cuStreamCreateWithPriority(
                        stream, cudart.CU_STREAM_NON_BLOCKING, greatest[0]),
                "cuStreamCreateWithPriority",
                "device=" + ordinal);
        return new Stream(stream, true);
    }

    @Override
    public CudaStream stream(long handle) {
        return new Stream(new CUstream_st(new Address(handle)), false);
    }

    @Override
    public CudaEvent newEvent() {
        CUevent_st event = new CUevent_st();
        check(
                cudart.cuEventCreate(event, cudart.CU_EVENT_DISABLE_TIMING),
                "cuEventCreate",
                "device=" + ordinal);
        return new Event(event);
    }

    @Override
    public void record(CudaEvent event, CudaStream stream) {
        check(cudart.cuEventRecord(of(event), of(stream)), "cuEventRecord", stream);
    }

    @Override
    public void await(CudaStream stream, CudaEvent event) {
        check(cudart.cuStreamWaitEvent(of(stream), of(event), 0), "cuStreamWaitEvent", stream);
    }

    @Override
    public boolean complete(CudaEvent event) {
        int status = cudart.cuEventQuery(of(event));
        if (status == cudart.CUDA_ERROR_NOT_READY) {
            return false;
        }
        check(status, "cuEventQuery", event);
        return true;
    }

    @Override
    public void synchronize(CudaEvent event) {
        check(cudart.cuEventSynchronize(of(event)), "cuEventSynchronize", event);
    }

    @Override
    public void copy(long source, long destination, long bytes, CudaStream stream) {
        int status = cudart.cuMemcpyAsync(destination, source, bytes, of(stream));
        if (status != cudart.CUDA_SUCCESS) {
            String facts =
                    "device=%d source=0x%x destination=0x%x bytes=%d"
                            .formatted(ordinal, source, destination, bytes);
            check(status, "cuMemcpyAsync", facts);
        }
    }

    @Override
    public RunCopier newRunCopier(int mostBlocks) {
        return new JavaCppRunCopier(kernel("copy_few"), kernel("copy_many"), mostBlocks);
    }

    private CUfunc_st kernel(String name) {
        CUfunc_st kernel = new CUfunc_st();
        check(cudart.cuModuleGetFunction(kernel, kernels(), name), "cuModuleGetFunction", name);
        return kernel;
    }

    private synchronized CUmod_st kernels() {
        if (module == null) {
            CUmod_st loaded = new CUmod_st();
            try (InputStream in = JavaCppDevice.class.getResourceAsStream(KERNELS)) {
                if (in == null) {
                    throw new IllegalStateException("this jar lacks " + KERNELS);
                }
                byte[] text = in.readAllBytes();
                // The driver reads up to a zero.
                try (BytePointer image = new BytePointer(text.length + 1L)) {
                    image.put(text, 0, text.length).put(text.length, (byte) 0);
                    check(cudart.cuModuleLoadData(loaded, image), "cuModuleLoadData", KERNELS);
                }
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
            module = loaded;
        }
        return module;
    }

    @Override
    public synchronized void close() {
        if (module != null) {
            check(cudart.cuModuleUnload(module), "cuModuleUnload", KERNELS);
            module = null;
        }
        check(
                cudart.cuDevicePrimaryCtxRelease(device),
                "cuDevicePrimaryCtxRelease",
                "device=" + ordinal);
    }

    static CUstream_st of(CudaStream stream) {
        return ((Stream) stream).stream;
    }

    private static CUevent_st of(CudaEvent event) {
        return ((Event) event).event;
    }

    @Override
    public String toString() {
        return "device=" + ordinal + " uuid=" + uuid;
    }

    private record Stream(CUstream_st stream, boolean own) implements CudaStream {
        @Override
        public void close() {
            if (own) {
                check(cudart.cuStreamDestroy(stream), "cuStreamDestroy", "");
            }
        }
    }

    private record Event(CUevent_st event) implements CudaEvent {
        @Override
        public void close() {
            check(cudart.cuEventDestroy(event), "cuEventDestroy", "");
        }
    }
}
