// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.kvlink.djl.model.config.ModelLoadException;
import org.junit.jupiter.api.Assumptions;

/** The PyTorch engine, started as the model package starts it, for tests of other packages. */
public final class TestManagers {
    private TestManagers() {}

    /** A root manager on the CPU, closed by the caller. */
    public static NDManager cpu() {
        return PyTorchRuntime.newManager(Device.cpu());
    }

    /** Opens a manager on a GPU; without one the test is skipped with the engine's reason. */
    public static NDManager gpu(int ordinal) {
        try {
            return PyTorchRuntime.newManager(Device.gpu(ordinal));
        } catch (ModelLoadException none) {
            return Assumptions.abort(none.getMessage());
        }
    }
}
