// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.measure;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Optional;

/** Description of this machine, in words. */
public final class Machine {

    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private Machine() {}

    /** Date, processor, cores, memory, Java and load. */
    public static String facts() {
        return Table.number(
                "%s, %s, %d cores, %d GiB, Java %s, load %.2f",
                LocalDate.now(ZoneOffset.UTC),
                value("cpuinfo", "model name").orElse("unknown processor"),
                Runtime.getRuntime().availableProcessors(),
                SYSTEM.getTotalMemorySize() >> 30,
                Runtime.version(),
                load());
    }

    /** Load average of the last minute. */
    public static double load() {
        return SYSTEM.getSystemLoadAverage();
    }

    /** Memory that programs can still get; where the system doesn't say, from the JVM's view. */
    public static long availableBytes() {
        return value("meminfo", "MemAvailable")
                .map(text -> Long.parseLong(text.replaceAll("\\D", "")) << 10)
                .orElse(Runtime.getRuntime().maxMemory() * 4);
    }

    private static Optional<String> value(String file, String key) {
        try {
            return Files.readAllLines(Path.of("/proc", file)).stream()
                    .filter(line -> line.startsWith(key))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst();
        } catch (IOException absent) {
            return Optional.empty();
        }
    }
}
