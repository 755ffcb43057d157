// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import ai.djl.Device;
import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.Function;
import com.sun.jna.Library;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import io.kvlink.spi.Availability;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The stable C functions of the libtorch that DJL's engine has loaded. A handle here is DJL's own:
 * the address of a {@code torch::Tensor}. Any thread.
 */
final class TorchShim {

    // What dlopen calls RTLD_LAZY, and RTLD_LOCAL by leaving RTLD_GLOBAL out.
    private static final int LAZY_AND_LOCAL = 1;

    private static final Map<DType, String> TYPE_FUNCTIONS =
            Map.of(
                    DType.F32, "aoti_torch_dtype_float32",
                    DType.F16, "aoti_torch_dtype_float16",
                    DType.BF16, "aoti_torch_dtype_bfloat16",
                    DType.F8_E4M3, "aoti_torch_dtype_float8_e4m3fn",
                    DType.F8_E5M2, "aoti_torch_dtype_float8_e5m2",
                    DType.I8, "aoti_torch_dtype_int8");

    /** Probed once, when it is first asked for; the engine is there then. */
    private static final class Probe {
        static final Availability AVAILABILITY;
        static final @Nullable TorchShim SHIM;

        static {
            Availability found = Availability.usable();
            TorchShim shim = null;
            try {
                shim = new TorchShim(library());
            } catch (LinkageError cause) {
                found =
                        Availability.missing(
                                "libtorch's C shim can't be called; it needs libtorch 2.7 or newer,"
                                        + " and JNA: "
                                        + cause.getMessage());
            }
            AVAILABILITY = found;
            SHIM = shim;
        }
    }

    private final Function getDataPtr;
    private final Function getStrides;
    private final Function createFromBlob;
    private final int cpu;
    private final int cuda;
    private final Map<DType, Integer> types = new EnumMap<>(DType.class);

    private TorchShim(NativeLibrary torch) {
        getDataPtr = torch.getFunction("aoti_torch_get_data_ptr");
        getStrides = torch.getFunction("aoti_torch_get_strides");
        createFromBlob = torch.getFunction("aoti_torch_create_tensor_from_blob");
        cpu = constant(torch, "aoti_torch_device_type_cpu");
        cuda = constant(torch, "aoti_torch_device_type_cuda");
        TYPE_FUNCTIONS.forEach(
                (type, name) -> {
                    try {
                        types.put(type, constant(torch, name));
                    } catch (UnsatisfiedLinkError absent) {
                        // An older libtorch: asking for the type says so.
                    }
                });
    }

    /** The engine must have been started. */
    static Availability availability() {
        return Probe.AVAILABILITY;
    }

    /** Loaded library; call this only if {@link #availability} is ready. */
    static TorchShim loaded() {
        TorchShim shim = Probe.SHIM;
        if (shim == null) {
            throw new IllegalStateException(Probe.AVAILABILITY.reason());
        }
        return shim;
    }

    /** Address of a tensor's first element. */
    long address(long handle) {
        PointerByReference found = new PointerByReference();
        check(
                getDataPtr.invokeInt(new Object[] {new Pointer(handle), found}),
                "aoti_torch_get_data_ptr",
                "");
        return Pointer.nativeValue(found.getValue());
    }

    /** A tensor's strides, in elements. */
    long[] strides(long handle, int axes) {
        PointerByReference found = new PointerByReference();
        check(
                getStrides.invokeInt(new Object[] {new Pointer(handle), found}),
                "aoti_torch_get_strides",
                "");
        return axes == 0 ? new long[0] : found.getValue().getLongArray(0, axes);
    }

    /** Makes a tensor over memory; the caller adopts the handle. */
    long fromBlob(long address, long[] sizes, long[] strides, DType type, Device device) {
        Integer code = types.get(type);
        if (code == null) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE,
                    "dtype=%s; this libtorch has %s".formatted(type.key(), types.keySet()));
        }
        PointerByReference made = new PointerByReference();
        int status =
                createFromBlob.invokeInt(
                        new Object[] {
                            new Pointer(address),
                            (long) sizes.length,
                            // JNA passes no empty array.
                            sizes.length == 0 ? new long[1] : sizes,
                            sizes.length == 0 ? new long[1] : strides,
                            0L,
                            code,
                            device.isGpu() ? cuda : cpu,
                            device.isGpu() ? device.getDeviceId() : 0,
                            made
                        });
        if (status != 0) {
            check(
                    status,
                    "aoti_torch_create_tensor_from_blob",
                    "device=%s address=0x%x shape=%s dtype=%s; is the memory on that device?"
                            .formatted(device, address, Arrays.toString(sizes), type.key()));
        }
        return Pointer.nativeValue(made.getValue());
    }

    /** A function of the libtorch that the engine has loaded, or of a library that it needs. */
    static Function symbol(String name) {
        return library().getFunction(name);
    }

    private static NativeLibrary library() {
        Path torch = Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName("torch_cpu"));
        // It is loaded already; JNA's own choice would put its symbols in everybody's way.
        Map<String, ?> options =
                Platform.isLinux() ? Map.of(Library.OPTION_OPEN_FLAGS, LAZY_AND_LOCAL) : Map.of();
        return NativeLibrary.getInstance(torch.toString(), options);
    }

    private static int constant(NativeLibrary torch, String name) {
        return torch.getFunction(name).invokeInt(new Object[0]);
    }

    static void check(int status, String call, String facts) {
        if (status != 0) {
            throw new KvConnectorException(
                    KvError.NATIVE_CALL_FAILED,
                    "%s status=%d %s".formatted(call, status, facts).stripTrailing());
        }
    }
}
