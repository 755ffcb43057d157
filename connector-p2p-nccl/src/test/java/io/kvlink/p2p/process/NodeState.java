// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import io.kvlink.spi.KvLedger;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Memory, files and threads of a {@link TransferNode} at one moment. Travels as one line of text.
 *
 * @param ledger of its connector
 * @param deviceFree bytes of its GPU that nobody uses; 0 without a GPU
 * @param direct bytes of direct buffers
 * @param rss resident bytes of the process
 * @param files open file descriptors
 * @param threads Java threads
 * @param tasks all threads of the process
 */
record NodeState(
        KvLedger ledger,
        long deviceFree,
        long direct,
        long rss,
        long files,
        long threads,
        long tasks) {

    /** State of this process now, after a garbage collection. Linux only. */
    static NodeState ofThisProcess(KvLedger ledger, long deviceFree) {
        System.gc();
        long direct =
                ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum();
        return new NodeState(
                ledger,
                deviceFree,
                direct,
                residentBytes(),
                count("/proc/self/fd"),
                Thread.getAllStackTraces().size(),
                count("/proc/self/task"));
    }

    String line() {
        return "STATE %d %d %d %d %d %d %d %d %d %d %d"
                .formatted(
                        ledger.bufferBytes(),
                        ledger.poolBytes(),
                        ledger.leases(),
                        ledger.transfers(),
                        ledger.peers(),
                        deviceFree,
                        direct,
                        rss,
                        files,
                        threads,
                        tasks);
    }

    static NodeState parse(String line) {
        long[] fields = Stream.of(line.split(" ", -1)).skip(1).mapToLong(Long::parseLong).toArray();
        return new NodeState(
                KvLedger.builder()
                        .bufferBytes(fields[0])
                        .poolBytes(fields[1])
                        .leases(Math.toIntExact(fields[2]))
                        .transfers(Math.toIntExact(fields[3]))
                        .peers(Math.toIntExact(fields[4]))
                        .build(),
                fields[5],
                fields[6],
                fields[7],
                fields[8],
                fields[9],
                fields[10]);
    }

    private static long residentBytes() {
        try {
            List<String> lines = Files.readAllLines(Path.of("/proc/self/status"));
            return lines.stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                    .sum();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static long count(String folder) {
        try (Stream<Path> entries = Files.list(Path.of(folder))) {
            return entries.count();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
