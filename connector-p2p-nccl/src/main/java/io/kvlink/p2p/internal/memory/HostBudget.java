// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Direct memory that this process may have, shared out to those who plan with it. Memory beyond
 * that, which settings ask for, can't be had, so nobody waits for it. Memory in use now isn't
 * counted: it may be garbage, such as the buffers of a connector that was closed. Of one thread.
 */
public final class HostBudget {

    private static final Logger LOG = LoggerFactory.getLogger(HostBudget.class);

    private final long limitBytes;
    private long leftBytes;

    HostBudget(long limitBytes) {
        this.limitBytes = limitBytes;
        leftBytes = limitBytes;
    }

    /** The budget of this process. */
    public static HostBudget ofProcess() {
        return new HostBudget(Math.min(directLimit(), physical()));
    }

    /**
     * Takes a part.
     *
     * @param setting what asks for it, as a user knows it
     * @param bytes how much it asks for
     * @return as much, or all that is left
     */
    public long take(String setting, long bytes) {
        long taken = Math.min(bytes, leftBytes);
        leftBytes -= taken;
        if (taken < bytes) {
            LOG.info(
                    "{}={} planned={} directMemory={}; raise -XX:MaxDirectMemorySize to have more",
                    setting,
                    bytes,
                    taken,
                    limitBytes);
        }
        return taken;
    }

    /** Limit of the JVM; unless it is told otherwise, as much as the heap may have. */
    private static long directLimit() {
        HotSpotDiagnosticMXBean options =
                ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        long limit =
                options == null
                        ? 0
                        : Long.parseLong(options.getVMOption("MaxDirectMemorySize").getValue());
        return limit > 0 ? limit : Runtime.getRuntime().maxMemory();
    }

    /** Memory of the machine, or of the container. */
    private static long physical() {
        OperatingSystemMXBean machine =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        return machine == null ? Long.MAX_VALUE : machine.getTotalMemorySize();
    }
}
