// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;

/**
 * Starts DJL's PyTorch engine. DJL 0.36.0 accepts the JNI library that Maven Central holds for its
 * libtorch only if a properties file says so; see {@code docs/djl-natives.md}.
 */
final class PyTorchRuntime {
    private PyTorchRuntime() {}

    /**
     * A root manager, owned by the caller.
     *
     * @param device the CPU, or a GPU
     * @throws ModelLoadException if the engine doesn't see that GPU
     */
    static NDManager newManager(Device device) {
        Engine engine = engine();
        int gpus = device.isGpu() ? engine.getGpuCount() : 0;
        if (device.isGpu() && device.getDeviceId() >= gpus) {
            throw new ModelLoadException(
                    ("option.device=gpu%d; DJL's PyTorch %s sees %d GPUs. It needs a libtorch with"
                                    + " CUDA and a JNI library made for it (docs/djl-natives.md);"
                                    + " option.device=cpu works everywhere")
                            .formatted(device.getDeviceId(), engine.getVersion(), gpus));
        }
        return engine.newBaseManager(device);
    }

    // The engine looks for its natives once, through the context loader of whoever comes first.
    private static synchronized Engine engine() {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        ClassLoader parent = before == null ? PyTorchRuntime.class.getClassLoader() : before;
        thread.setContextClassLoader(new JniVersionLoader(parent));
        try {
            return Engine.getEngine("PyTorch");
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
