// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Endpoint of a plane between GPUs, with all that its peers must know before they call: {@code
 * gpu;<host id>;<process>;<pid>;<start>;<pid namespace>;<GPU's uuid>;<handle of its memory>;<NCCL's
 * version>;<side channel>}.
 *
 * @param host the host's boot id: the same for all processes and containers of one host
 * @param process random, the same for all planes of a JVM
 * @param pid the process's number in its namespace
 * @param started when it started, in the kernel's ticks: numbers are used again
 * @param pidNamespace which one that is
 * @param gpu the GPU's uuid
 * @param handle how its arena is mapped; empty if it has none
 * @param nccl NCCL's version, or 0 where it isn't used
 * @param channel where its side channel listens
 */
@SuppressWarnings("ArrayRecordComponent") // The handle; never compared.
public record GpuEndpoint(
        String host,
        String process,
        long pid,
        long started,
        String pidNamespace,
        String gpu,
        byte[] handle,
        int nccl,
        SecretAddress channel) {

    private static final String MARK = "gpu";
    private static final int STATE = 0;
    private static final int START = 19;

    /** Reads an endpoint; empty for the endpoints of other planes and for nonsense. */
    public static Optional<GpuEndpoint> parse(String text) {
        String[] fields = text.split(";", -1);
        if (fields.length != 10 || !fields[0].equals(MARK)) {
            return Optional.empty();
        }
        Optional<SecretAddress> channel = SecretAddress.parse(fields[9]);
        try {
            byte[] handle = HexFormat.of().parseHex(fields[7]);
            if (channel.isEmpty() || (handle.length != 0 && handle.length != 64)) {
                return Optional.empty();
            }
            return Optional.of(
                    new GpuEndpoint(
                            fields[1],
                            fields[2],
                            Long.parseLong(fields[3]),
                            Long.parseLong(fields[4]),
                            fields[5],
                            fields[6],
                            handle,
                            Integer.parseInt(fields[8]),
                            channel.get()));
        } catch (IllegalArgumentException nonsense) {
            return Optional.empty();
        }
    }

    /** The text that {@link #parse} reads. */
    public String text() {
        return String.join(
                ";",
                MARK,
                host,
                process,
                Long.toString(pid),
                Long.toString(started),
                pidNamespace,
                gpu,
                HexFormat.of().formatHex(handle),
                Integer.toString(nccl),
                channel.text());
    }

    /** Id of this host, as all its processes see it. */
    public static String thisHost() {
        return read("/proc/sys/kernel/random/boot_id");
    }

    /** The namespace that this process's number belongs to. */
    static String thisPidNamespace() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
        } catch (IOException | RuntimeException cause) {
            return "unknown-" + ProcessHandle.current().pid();
        }
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file)).strip();
        } catch (IOException cause) {
            return "unknown"; // Then nobody is on this host.
        }
    }

    public boolean sameHost(GpuEndpoint other) {
        return host.equals(other.host) && !host.equals("unknown");
    }

    public boolean sameProcess(GpuEndpoint other) {
        return process.equals(other.process);
    }

    /**
     * Tells whether the process is known to have ended, with all that its GPU did. A zombie has:
     * the kernel closed its devices before.
     *
     * @param observer who asks
     * @return empty if the observer can't see the process
     */
    public Optional<Boolean> gone(GpuEndpoint observer) {
        if (!pidNamespace.equals(observer.pidNamespace)) {
            return Optional.empty();
        }
        String[] stat = stat(Long.toString(pid));
        return Optional.of(
                stat.length == 0
                        || "ZX".contains(stat[STATE])
                        || !stat[START].equals(Long.toString(started)));
    }

    /**
     * Time at which a process started, in the kernel's ticks; 0 if unknown. The process is a
     * number, or "self".
     */
    static long startOf(String process) {
        String[] stat = stat(process);
        return stat.length == 0 ? 0 : Long.parseLong(stat[START]);
    }

    // The fields behind the process's name; none if there is no such process.
    private static String[] stat(String process) {
        try {
            String stat = Files.readString(Path.of("/proc", process, "stat"));
            // The name may hold anything, a parenthesis too.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return fields.length > START ? fields : new String[0];
        } catch (IOException cause) {
            return new String[0];
        }
    }
}
