// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Looks for what GPU planes need, without loading anything: a library that is loaded to see whether
 * it can be loaded stays in the process.
 *
 * @param driverFiles a driver shows by one of these
 * @param libraryFolders or by {@value #DRIVER_LIBRARY} in one of these
 * @param loader where the bindings' classes would be
 */
record GpuProbe(List<Path> driverFiles, List<Path> libraryFolders, ClassLoader loader) {

    static final String DRIVER_LIBRARY = "libcuda.so.1";

    private static final String NCCL_BINDING = "org.bytedeco.cuda.global.nccl";
    private static final String DRIVER_BINDING = "io.kvlink.cuda.Gpu";
    private static final String JNA = "com.sun.jna.Native";

    /** Looks at this machine. */
    static GpuProbe ofThisMachine() {
        Set<Path> folders = new LinkedHashSet<>();
        addFolders(folders, System.getenv("LD_LIBRARY_PATH"));
        addFolders(folders, System.getProperty("java.library.path"));
        Stream.of(
                        "/usr/lib/x86_64-linux-gnu",
                        "/usr/lib/aarch64-linux-gnu",
                        "/usr/lib64",
                        "/usr/lib",
                        "/usr/local/nvidia/lib64",
                        "/usr/local/cuda/compat",
                        "/usr/lib/wsl/lib")
                .map(Path::of)
                .forEach(folders::add);
        return new GpuProbe(
                List.of(Path.of("/proc/driver/nvidia/version")),
                List.copyOf(folders),
                GpuProbe.class.getClassLoader());
    }

    private static void addFolders(Set<Path> folders, @Nullable String path) {
        if (path != null) {
            Stream.of(path.split(File.pathSeparator))
                    .filter(folder -> !folder.isEmpty())
                    .map(Path::of)
                    .forEach(folders::add);
        }
    }

    /** The thing that NCCL lacks here; empty if there is none. */
    String missingForNccl() {
        String missing = missingForCuda();
        return missing.isEmpty() ? missing(NCCL_BINDING, "org.bytedeco:cuda-platform") : missing;
    }

    /** The thing that CUDA alone lacks here; empty if there is none. */
    String missingForCuda() {
        if (!hasDriver()) {
            return "no CUDA driver; neither one of %s nor %s in %s; install NVIDIA's driver, or give the container the GPU"
                    .formatted(driverFiles, DRIVER_LIBRARY, libraryFolders);
        }
        String missing = missing(DRIVER_BINDING, "io.kvlink:kvlink-cuda-driver");
        return missing.isEmpty() ? missing(JNA, "net.java.dev.jna:jna") : missing;
    }

    private String missing(String binding, String artifact) {
        try {
            Class.forName(binding, false, loader);
            return "";
        } catch (ClassNotFoundException | LinkageError cause) {
            return "no class %s; put %s on the class path".formatted(binding, artifact);
        }
    }

    private boolean hasDriver() {
        return driverFiles.stream().anyMatch(Files::exists)
                || libraryFolders.stream()
                        .anyMatch(folder -> Files.exists(folder.resolve(DRIVER_LIBRARY)));
    }
}
