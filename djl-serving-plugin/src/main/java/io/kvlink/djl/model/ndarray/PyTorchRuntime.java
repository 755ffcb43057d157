// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.util.Platform;
import ai.djl.util.Utils;
import ai.djl.util.cuda.CudaUtils;
import io.kvlink.djl.model.config.ModelLoadException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts DJL's PyTorch engine, unless another model has. DJL chooses the native libraries ({@code
 * docs/djl-natives.md}); builds with CUDA in its cache are named to it where it wouldn't look.
 */
final class PyTorchRuntime {

    private static final Logger log = LoggerFactory.getLogger(PyTorchRuntime.class);
    private static final String ENGINE = "PyTorch";
    private static final String LIBRARY_PATH = "PYTORCH_LIBRARY_PATH";
    private static final String VERSION = "PYTORCH_VERSION";
    private static final String FLAVOR = "PYTORCH_FLAVOR";

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

    // The engine looks for its natives once, when whoever comes first asks for it.
    private static synchronized Engine engine() {
        ThreadWaits.letSleep();
        if (CudaUtils.getGpuCount() > 0) {
            Platform system = Platform.fromSystem("pytorch");
            Platform found = Platform.detectPlatform("pytorch");
            boolean bundled = !found.isPlaceholder() && found.getFlavor().startsWith("cu");
            choose(
                            Utils.getEnvOrSystemProperty(LIBRARY_PATH),
                            bundled,
                            CachedCuda.find(
                                    Utils.getEngineCacheDir("pytorch"),
                                    system.getVersion(),
                                    system.getClassifier(),
                                    Integer.parseInt(CudaUtils.getCudaVersionString())))
                    .ifPresent(build -> name(build, system.getVersion()));
        }
        return Engine.getEngine(ENGINE);
    }

    /**
     * The cached build that DJL must be told of; empty where it finds libraries with CUDA by
     * itself.
     *
     * @param libraryPath where the operator says that libtorch is; null or empty for nowhere
     * @param bundled whether the class path has one with CUDA, which DJL takes
     * @param cached the best build of the cache
     */
    static Optional<CachedCuda> choose(
            @Nullable String libraryPath, boolean bundled, Optional<CachedCuda> cached) {
        boolean named = libraryPath != null && !libraryPath.isBlank();
        return named || bundled ? Optional.empty() : cached;
    }

    private static void name(CachedCuda build, String version) {
        log.info("libtorch={} flavor={}, of DJL's cache", build.directory(), build.flavor());
        System.setProperty(LIBRARY_PATH, build.directory().toString());
        System.setProperty(VERSION, version);
        System.setProperty(FLAVOR, build.flavor());
    }
}
