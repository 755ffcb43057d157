// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;

/**
 * Processor time and memory of a process.
 *
 * @param processCpuNs all its threads, the JVM's own and native ones included; the system counts in
 *     steps of 10 ms
 * @param connectorCpuNs Java threads but the tool's own: the engines' and the main one
 * @param connectorBytes what these have allocated
 */
public record Usage(long processCpuNs, long connectorCpuNs, long connectorBytes) {

    static final String ENGINE_THREAD = "engine-";

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** Use of this process so far. */
    static Usage now() {
        long cpuNs = 0;
        long bytes = 0;
        for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (thread != null
                    && !thread.getThreadName().startsWith(ENGINE_THREAD)
                    && !thread.getThreadName().equals("main")) {
                cpuNs += Math.max(0, THREADS.getThreadCpuTime(thread.getThreadId()));
                bytes += Math.max(0, THREADS.getThreadAllocatedBytes(thread.getThreadId()));
            }
        }
        return new Usage(SYSTEM.getProcessCpuTime(), cpuNs, bytes);
    }

    /** Sum of both. */
    public Usage plus(Usage other) {
        return new Usage(
                processCpuNs + other.processCpuNs,
                connectorCpuNs + other.connectorCpuNs,
                connectorBytes + other.connectorBytes);
    }

    /** Use since then. */
    public Usage minus(Usage before) {
        return new Usage(
                processCpuNs - before.processCpuNs,
                connectorCpuNs - before.connectorCpuNs,
                connectorBytes - before.connectorBytes);
    }
}
