// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import io.kvlink.spi.Availability;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Description of a GPU, as the driver gives it. Any thread, attached or not.
 *
 * @param ordinal number of the GPU in this process, from 0
 * @param device the driver's handle of it
 * @param name of the product
 * @param uuid 32 hexadecimal digits, the same in all processes
 * @param capability compute capability, ten times the major number and the minor one
 * @param multiprocessors how many it has
 */
record GpuFacts(
        int ordinal, int device, String name, String uuid, int capability, int multiprocessors) {

    private static final int MULTIPROCESSOR_COUNT = 16;
    private static final int CAPABILITY_MAJOR = 75;
    private static final int CAPABILITY_MINOR = 76;
    private static final int NAME_BYTES = 256;
    private static final int UUID_BYTES = 16;

    /** Asked once. */
    private static final class Probe {
        static final Availability AVAILABILITY = probe();
    }

    /** Tells whether there is a GPU, and a driver with all functions that are called. */
    static Availability availability() {
        return Probe.AVAILABILITY;
    }

    /**
     * Looks at a GPU.
     *
     * @throws CudaException if there is no such GPU, or no driver
     */
    static GpuFacts of(int ordinal) {
        requireDriver();
        int device = device(ordinal);
        return new GpuFacts(
                ordinal,
                device,
                nameOf(device),
                uuidOf(device),
                attribute(device, CAPABILITY_MAJOR) * 10 + attribute(device, CAPABILITY_MINOR),
                attribute(device, MULTIPROCESSOR_COUNT));
    }

    /**
     * Number of GPUs that this process sees.
     *
     * @throws CudaException if there is no driver, or no GPU
     */
    static int count() {
        requireDriver();
        int[] count = new int[1];
        CudaException.check(DriverCalls.cuDeviceGetCount(count), "cuDeviceGetCount");
        return count[0];
    }

    /** The driver's handle of the GPU with that uuid, or -1 if this process doesn't see it. */
    static int deviceOf(String uuid) {
        int count = count();
        for (int ordinal = 0; ordinal < count; ordinal++) {
            int device = device(ordinal);
            if (uuidOf(device).equals(uuid)) {
                return device;
            }
        }
        return -1;
    }

    private static void requireDriver() {
        if (!availability().ready()) {
            throw CudaException.unavailable("cuInit", availability().reason());
        }
    }

    private static Availability probe() {
        Availability bound = DriverCalls.availability();
        if (!bound.ready()) {
            return bound;
        }
        int status = DriverCalls.cuInit(0);
        if (status != DriverCalls.SUCCESS) {
            return Availability.missing(CudaException.driverMessage("cuInit", status, ""));
        }
        int[] count = new int[1];
        status = DriverCalls.cuDeviceGetCount(count);
        return status == DriverCalls.SUCCESS && count[0] > 0
                ? Availability.usable()
                : Availability.missing(
                        "cuDeviceGetCount status=%d; the driver shows this process %d GPUs"
                                .formatted(status, count[0]));
    }

    private static int device(int ordinal) {
        int[] device = new int[1];
        int status = DriverCalls.cuDeviceGet(device, ordinal);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver("cuDeviceGet", status, "ordinal=" + ordinal);
        }
        return device[0];
    }

    private static String nameOf(int device) {
        byte[] text = new byte[NAME_BYTES];
        CudaException.check(
                DriverCalls.cuDeviceGetName(text, NAME_BYTES, device), "cuDeviceGetName");
        int length = 0;
        while (length < NAME_BYTES && text[length] != 0) {
            length++;
        }
        return new String(text, 0, length, StandardCharsets.UTF_8);
    }

    private static String uuidOf(int device) {
        byte[] uuid = new byte[UUID_BYTES];
        CudaException.check(DriverCalls.cuDeviceGetUuid_v2(uuid, device), "cuDeviceGetUuid");
        return HexFormat.of().formatHex(uuid);
    }

    private static int attribute(int device, int attribute) {
        int[] value = new int[1];
        CudaException.check(
                DriverCalls.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }
}
