// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static io.kvlink.p2p.internal.cuda.CudaCalls.check;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;

/** Launches {@code spin.cu}. The device is attached to the calling thread. */
final class SpinKernel implements AutoCloseable {

    private static final String KERNEL = "spin.ptx";

    private final CUmod_st module = new CUmod_st();
    private final CUfunc_st kernel = new CUfunc_st();

    /** Loads the kernel into the calling thread's device. */
    SpinKernel() {
        try (InputStream in = SpinKernel.class.getResourceAsStream(KERNEL)) {
            byte[] text = in.readAllBytes();
            // The driver reads up to a zero.
            try (BytePointer image = new BytePointer(text.length + 1L)) {
                image.put(text, 0, text.length).put(text.length, (byte) 0);
                check(cudart.cuModuleLoadData(module, image), "cuModuleLoadData", KERNEL);
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        check(cudart.cuModuleGetFunction(kernel, module, "spin"), "cuModuleGetFunction", "spin");
    }

    /** Enqueues a wait. */
    void spin(CudaStream stream, Duration duration) {
        try (LongPointer ns = new LongPointer(1).put(duration.toNanos());
                PointerPointer<LongPointer> parameters =
                        new PointerPointer<LongPointer>(1).put(0, ns)) {
            check(
                    cudart.cuLaunchKernel(
                            kernel,
                            1,
                            1,
                            1,
                            1,
                            1,
                            1,
                            0,
                            JavaCppDevice.of(stream),
                            parameters,
                            (PointerPointer<?>) null),
                    "cuLaunchKernel",
                    "spin");
        }
    }

    @Override
    public void close() {
        check(cudart.cuModuleUnload(module), "cuModuleUnload", KERNEL);
    }
}
