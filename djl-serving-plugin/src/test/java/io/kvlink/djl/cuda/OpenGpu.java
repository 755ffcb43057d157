// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.Gpu;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The first GPU and a stream of it, open during each test; without a GPU the test is skipped. */
public final class OpenGpu implements BeforeEachCallback, AfterEachCallback {

    private @Nullable Gpu device;
    private long stream;

    @Override
    public void beforeEach(ExtensionContext context) {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
        device = Gpu.open(0);
        stream = device.newStream();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (device != null) {
            device.destroyStream(stream);
            device.close();
            device = null;
        }
    }

    /** The device; the test's thread is attached to it. */
    public Gpu device() {
        return Objects.requireNonNull(device);
    }

    /** The stream. */
    public long stream() {
        return stream;
    }
}
