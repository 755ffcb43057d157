// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * The wire tool: latency of KV from a producer's first {@code saveLayer} to a consumer's last
 * {@code awaitLayer}, between processes. It tries each plane and mode, against the bare wire.
 */
@Command(
        name = "benchmarks/run.sh wire",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Moves KV of Llama-3-8B's shape between engines in processes of their own,",
            "compares it with the bare wire, and checks every byte."
        })
public final class WireBenchmark implements Callable<Integer> {

    /** The first argument of a process that holds engines; their names follow. */
    static final String NODE = "node";

    private static final List<Integer> TOKENS = List.of(16, 256, 1024, 4096, 10_000);
    private static final String LOOPBACK = "loopback";
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    @Mixin private WireOptions options = new WireOptions();

    private WireBenchmark() {}

    /**
     * Runs the tool.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) throws IOException {
        System.setProperty(
                "org.slf4j.simpleLogger.defaultLogLevel",
                System.getProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn"));
        if (args.length > 0 && args[0].equals(NODE)) {
            WireNode.run(List.of(args).subList(1, args.length));
        } else {
            System.exit(new CommandLine(new WireBenchmark()).execute(args));
        }
    }

    @Override
    public Integer call() throws IOException {
        List<Topology> topologies;
        try {
            options.check();
            topologies = options.topologies.stream().map(Topology::of).toList();
        } catch (IllegalArgumentException wrong) {
            System.err.println(wrong.getMessage());
            return 2;
        }
        List<String> planes =
                options.planes != null
                        ? options.planes
                        : gpus() > 1 ? List.of("cuda-ipc", "nccl") : List.of("tcp", LOOPBACK);
        boolean host = planes.stream().anyMatch(plane -> !new Setup(plane, "", 0, false).gpu());
        List<Integer> tokens =
                options.tokens != null
                        ? options.tokens
                        : TOKENS.stream().filter(count -> !host || fits(count)).toList();
        WireRun run = new WireRun(options, tokens);
        try {
            for (Topology topology : topologies) {
                for (String plane : planes) {
                    boolean loopback = plane.equals(LOOPBACK);
                    if (!loopback || topology.onePair()) {
                        System.err.println("# " + topology.name() + " " + plane);
                        run.measure(topology, plane, loopback || options.oneProcess);
                    }
                }
            }
        } catch (IllegalStateException failure) {
            // What was measured before is still worth reading.
            print(run);
            System.err.println("The wire tool can't go on: " + failure.getMessage());
            return 1;
        }
        print(run);
        return 0;
    }

    private void print(WireRun run) throws IOException {
        run.facts().add(String.format(Locale.ROOT, "load average at the end %.2f", load()));
        WireReport report =
                new WireReport(run.facts(), run.results(), run.bulks(), run.floors().all());
        System.out.print(report.markdown());
        if (options.json != null) {
            Files.writeString(options.json, report.json());
        }
    }

    private static int gpus() throws IOException {
        try (WireFleet probe =
                new WireFleet(
                        Topology.of(Topology.ONE_PAIR),
                        WireFleet.Side.HERE,
                        WireFleet.Side.HERE,
                        true)) {
            return probe.ask(probe.producers.get(0), NodeCall.NodeApi::gpus);
        }
    }

    /**
     * True if a row, with memory at both ends and buffers, takes at most a third of the free
     * memory.
     */
    private boolean fits(int tokens) {
        return 6L * tokens * options.layers * WireRun.LAYER_TOKEN_BYTES < availableBytes() / 3;
    }

    private static long availableBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) << 10;
                }
            }
        } catch (IOException cause) {
            // Then the JVM's view has to do.
        }
        return Runtime.getRuntime().maxMemory() * 4;
    }

    /** Description of this machine, in words. */
    static List<String> machine() {
        List<String> facts = new ArrayList<>();
        facts.add(
                String.format(
                        Locale.ROOT,
                        "%s, %d cores, %d GiB; Java %s; load average at the start %.2f",
                        processor(),
                        Runtime.getRuntime().availableProcessors(),
                        totalGib(),
                        Runtime.version(),
                        load()));
        return facts;
    }

    private static double load() {
        return SYSTEM.getSystemLoadAverage();
    }

    private static long totalGib() {
        return SYSTEM.getTotalMemorySize() >> 30;
    }

    private static String processor() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
                if (line.startsWith("model name")) {
                    return line.substring(line.indexOf(':') + 1).trim();
                }
            }
        } catch (IOException cause) {
            // Then it stays unknown.
        }
        return "unknown processor";
    }
}
