// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.measure.Machine;
import io.kvlink.benchmarks.measure.Table;
import io.kvlink.benchmarks.wire.node.Setup;
import io.kvlink.cuda.Gpu;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
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
        abbreviateSynopsis = true,
        showDefaultValues = true,
        description = {
            "Moves KV of Llama-3-8B's shape between engines in processes of their own,",
            "compares it with the bare wire, and checks every byte."
        })
public final class WireBenchmark implements Callable<Integer> {

    private static final List<Integer> TOKENS = List.of(16, 256, 1024, 4096, 10_000);
    private static final String LOOPBACK = "loopback";

    @Mixin private WireOptions options = new WireOptions();

    private WireBenchmark() {}

    /**
     * Runs the tool.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        System.getProperties().putIfAbsent("org.slf4j.simpleLogger.defaultLogLevel", "warn");
        System.exit(new CommandLine(new WireBenchmark()).execute(args));
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
        run.facts().add(Table.number("load %.2f at the end", Machine.load()));
        WireReport report =
                new WireReport(run.facts(), run.results(), run.bulks(), run.floors().all());
        System.out.print(report.markdown());
        if (options.json != null) {
            Files.writeString(options.json, report.json());
        }
    }

    private static int gpus() {
        return Gpu.availability().ready() ? Gpu.count() : 0;
    }

    /**
     * True if a row, with memory at both ends and buffers, takes at most a third of the free
     * memory.
     */
    private boolean fits(int tokens) {
        return 6L * tokens * options.layers * WireRun.LAYER_TOKEN_BYTES
                < Machine.availableBytes() / 3;
    }
}
