// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.cuda.global.cudart;

/** The few calls of CUDA's driver that the benchmarks need and the connector's port lacks. */
final class DriverCalls {

    private DriverCalls() {}

    static void check(int status, String call) {
        if (status != cudart.CUDA_SUCCESS) {
            throw new IllegalStateException(call + " status=" + status);
        }
    }

    /** The GPU's name, as its vendor has it. */
    static String deviceName(int ordinal) {
        int[] device = new int[1];
        check(cudart.cuDeviceGet(device, ordinal), "cuDeviceGet");
        byte[] name = new byte[256];
        check(cudart.cuDeviceGetName(name, name.length, device[0]), "cuDeviceGetName");
        String text = new String(name, StandardCharsets.UTF_8);
        return text.substring(0, text.indexOf('\0'));
    }

    /** The CUDA version that the driver supports, as in 13.0. */
    static String cudaVersion() {
        int[] version = new int[1];
        check(cudart.cuDriverGetVersion(version), "cuDriverGetVersion");
        return version[0] / 1000 + "." + version[0] % 1000 / 10;
    }

    /** The driver's version, as it says itself. */
    static String driver() throws IOException {
        Path file = Path.of("/proc/driver/nvidia/version");
        if (!Files.isReadable(file)) {
            return "unknown";
        }
        String line = Files.readString(file).lines().findFirst().orElse("");
        return line.replaceAll(".*?(\\d+\\.\\d+(\\.\\d+)?).*", "$1");
    }
}
