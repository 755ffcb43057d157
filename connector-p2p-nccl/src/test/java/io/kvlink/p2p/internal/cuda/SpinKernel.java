// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.Launch;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;

/** Launches {@code spin.cu}. The device is attached to the calling thread. */
final class SpinKernel implements AutoCloseable {

    private final Gpu device;
    private final CudaModule module;
    private final long kernel;
    private final Launch launch;

    /** Loads the kernel into a device. */
    SpinKernel(int ordinal) {
        device = Gpu.open(ordinal);
        try (InputStream in = SpinKernel.class.getResourceAsStream("spin.ptx")) {
            module = device.load(in.readAllBytes());
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        kernel = module.function("spin");
        launch = new Launch(device);
    }

    /** Enqueues a wait. */
    void spin(CudaStream stream, Duration duration) {
        launch.value(duration.toNanos()).run(kernel, DriverDevice.handle(stream));
    }

    @Override
    public void close() {
        module.close();
        device.closeAttached();
    }
}
