// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of the wire tool. Lists that are {@code null} depend on the machine. */
final class WireOptions {

    private static final List<String> PLANES = List.of("cuda-ipc", "nccl", "tcp", "loopback");
    private static final List<String> MODES = List.of("PUT_ASYNC", "PUT", "GET");

    @Option(
            names = "--planes",
            split = ",",
            description =
                    "cuda-ipc, nccl, tcp, loopback (default: the first two with two GPUs, else the others)")
    @Nullable List<String> planes;

    @Option(
            names = "--modes",
            split = ",",
            defaultValue = "PUT_ASYNC,PUT,GET",
            description = "send types (default ${DEFAULT-VALUE})")
    List<String> modes = List.of();

    @Option(
            names = "--channels",
            split = ",",
            defaultValue = "0,8,16",
            description =
                    "NCCL channels in PUT_ASYNC; 0 is NCCL's choice (default ${DEFAULT-VALUE})")
    List<Integer> channels = List.of();

    @Option(
            names = "--tokens",
            split = ",",
            description = "rows (default 16,256,1024,4096,10000, or what fits into host memory)")
    @Nullable List<Integer> tokens;

    @Option(
            names = "--scattered",
            split = ",",
            defaultValue = "1024,10000",
            description =
                    "rows that PUT_ASYNC also does with shuffled blocks (default ${DEFAULT-VALUE})")
    List<Integer> scattered = List.of();

    @Option(
            names = "--spill",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "also with all KV through the host pool (default)")
    boolean spill;

    @Option(
            names = "--bulk",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "also the largest row back to back (default)")
    boolean bulk;

    @Option(
            names = "--topologies",
            split = ",",
            defaultValue = "1P1D,2x1P1D,1P3D,3P1D,2P2D",
            description = "who sends to whom (default ${DEFAULT-VALUE}; loopback has 1P1D only)")
    List<String> topologies = List.of();

    @Option(
            names = "--x-tokens",
            split = ",",
            defaultValue = "1024,10000",
            description = "rows of topologies with several pairs (default ${DEFAULT-VALUE})")
    List<Integer> xTokens = List.of();

    @Option(
            names = "--rounds",
            defaultValue = "0",
            description = "of each series (default 200; 100 from 4096 tokens, 50 from 10000)")
    int rounds;

    @Option(
            names = "--warm-up",
            defaultValue = "300",
            description =
                    "rounds of the smallest row with new processes (default ${DEFAULT-VALUE})")
    int warmUp;

    @Option(
            names = "--series-seconds",
            defaultValue = "8",
            description =
                    "a series ends after so long, with ten rounds at least (default ${DEFAULT-VALUE})")
    int seriesSeconds;

    @Option(
            names = "--bulk-transfers",
            defaultValue = "0",
            description = "transfers back to back (default: 24 on a GPU, else 8)")
    int bulkTransfers;

    @Option(
            names = "--bulk-room",
            defaultValue = "0",
            description =
                    "so many of them fit into the receive buffer (default: all on a GPU, else 3)")
    int bulkRoom;

    @Option(
            names = "--layers",
            defaultValue = "32",
            description = "layers of 4 KiB a token (default ${DEFAULT-VALUE})")
    int layers;

    @Option(
            names = "--spin-us",
            defaultValue = "-1",
            description =
                    "how long a waiting engine thread spins before it parks (default 2000, or 0 with fewer than 8 cores)")
    int spinUs;

    @Option(
            names = "--own-stream",
            description =
                    "engines on a GPU use a stream of their own (default: the default stream)")
    boolean ownStream;

    @Option(
            names = "--producer-gpu",
            defaultValue = "0",
            description = "of all producers (default ${DEFAULT-VALUE})")
    int producerGpu;

    @Option(
            names = "--consumer-gpu",
            defaultValue = "1",
            description = "of all consumers (default ${DEFAULT-VALUE})")
    int consumerGpu;

    @Option(
            names = "--one-process",
            description = "all engines in one process, as those of loopback always are")
    boolean oneProcess;

    @Option(
            names = "--only-floors",
            description = "no connectors, just the bare wires, and the TCP plane alone")
    boolean onlyFloors;

    @Option(
            names = "--first-layer-ms",
            defaultValue = "0",
            description = "how long a prompt's first layer takes to compute")
    double firstLayerMs;

    @Option(
            names = "--producer-launcher",
            defaultValue = "",
            description =
                    "words before the command of producers' processes, such as ssh HOST; the same files have to be there")
    String producerLauncher = "";

    @Option(
            names = "--consumer-launcher",
            defaultValue = "",
            description = "the same for consumers")
    String consumerLauncher = "";

    @Option(
            names = "--producer-ip",
            defaultValue = "127.0.0.1",
            description = "where producers listen (default ${DEFAULT-VALUE})")
    String producerIp = "";

    @Option(
            names = "--consumer-ip",
            defaultValue = "127.0.0.1",
            description = "where consumers listen (default ${DEFAULT-VALUE})")
    String consumerIp = "";

    @Option(names = "--json", description = "write all figures to this file too")
    @Nullable Path json;

    WireFleet.Side producers() {
        return new WireFleet.Side(words(producerLauncher), producerIp);
    }

    WireFleet.Side consumers() {
        return new WireFleet.Side(words(consumerLauncher), consumerIp);
    }

    private static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+"));
    }

    long spinNs() {
        boolean roomy = Runtime.getRuntime().availableProcessors() >= 8;
        return 1000L * (spinUs < 0 ? (roomy ? 2000 : 0) : spinUs);
    }

    /**
     * Refuses what can't be measured.
     *
     * @throws IllegalArgumentException naming the option and what is allowed
     */
    void check() {
        require(planes == null || PLANES.containsAll(planes), "--planes", planes, PLANES);
        require(MODES.containsAll(modes) && !modes.isEmpty(), "--modes", modes, MODES);
        require(
                tokens == null || tokens.stream().allMatch(count -> count > 0),
                "--tokens",
                tokens,
                "1 or more");
        require(layers > 0, "--layers", layers, "1 or more");
        require(bulkTransfers >= 0, "--bulk-transfers", bulkTransfers, "0 or more");
        require(warmUp > 0, "--warm-up", warmUp, "1 or more");
    }

    private static void require(
            boolean holds, String name, @Nullable Object value, Object allowed) {
        if (!holds) {
            throw new IllegalArgumentException(name + "=" + value + "; expected " + allowed);
        }
    }

    int bulkRoom(boolean gpu) {
        int transfers = bulkTransfers(gpu);
        return bulkRoom > 0 ? bulkRoom : gpu ? transfers : Math.min(3, transfers);
    }

    int bulkTransfers(boolean gpu) {
        return bulkTransfers > 0 ? bulkTransfers : gpu ? 24 : 8;
    }

    WireSeries.Effort effort(int tokens) {
        int usual = tokens < 4096 ? 200 : tokens < 10_000 ? 100 : 50;
        return new WireSeries.Effort(
                tokens < 4096 ? 10 : 5,
                rounds > 0 ? rounds : usual,
                seriesSeconds * 1_000_000_000L);
    }

    /** The setups of a plane: all modes; channels and spill in PUT_ASYNC only. */
    List<Setup> setups(String plane) {
        List<Setup> setups = new ArrayList<>();
        for (String mode : modes) {
            boolean async = mode.equals("PUT_ASYNC");
            if (async && plane.equals("nccl")) {
                channels.forEach(count -> setups.add(new Setup(plane, mode, count, false)));
            } else {
                setups.add(new Setup(plane, mode, 0, false));
            }
            if (async && spill) {
                setups.add(new Setup(plane, mode, 0, true));
            }
        }
        return setups;
    }
}
