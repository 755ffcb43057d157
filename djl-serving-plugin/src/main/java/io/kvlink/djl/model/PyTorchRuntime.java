// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;

/** Starts DJL's PyTorch engine from the native libraries on the class path. */
final class PyTorchRuntime {
    private PyTorchRuntime() {}

    /** A root manager on the CPU, owned by the caller. */
    static NDManager newCpuManager() {
        return Engine.getEngine("PyTorch").newBaseManager(Device.cpu());
    }
}
