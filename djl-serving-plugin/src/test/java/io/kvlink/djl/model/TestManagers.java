// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;

/** The PyTorch engine, started as the model package starts it, for tests of other packages. */
public final class TestManagers {
    private TestManagers() {}

    /** A root manager on the CPU, closed by the caller. */
    public static NDManager cpu() {
        return PyTorchRuntime.newManager(Device.cpu());
    }
}
