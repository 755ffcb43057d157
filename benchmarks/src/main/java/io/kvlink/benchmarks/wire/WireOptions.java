// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.wire.node.Setup;
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
            description = "with two GPUs cuda-ipc,nccl, else tcp,loopback")
    @Nullable List<String> planes;

    @Option(names = "--modes", split = ",", description = "send types")
    List<String> modes = MODES;

    @Option(
            names = "--channels",
            split = ",",
            description = "NCCL channels in PUT_ASYNC; 0: NCCL's choice")
    List<Integer> channels = List.of(0, 8, 16);

    @Option(
            names = "--tokens",
            split = ",",
            description = "16,256,1024,4096,10000, or what fits into host memory")
    @Nullable List<Integer> tokens;

    @Option(
            names = "--scattered",
            split = ",",
            description = "rows that PUT_ASYNC also does with shuffled blocks")
    List<Integer> scattered = List.of(1024, 10_000);

    @Option(
            names = "--spill",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "also with all KV through the host pool")
    boolean spill;

    @Option(
            names = "--bulk",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "also the largest row back to back")
    boolean bulk;

    @Option(
            names = "--topologies",
            split = ",",
            description = "who sends to whom; loopback has 1P1D only")
    List<String> topologies = List.of("1P1D", "2x1P1D", "1P3D", "3P1D", "2P2D");

    @Option(
            names = "--x-tokens",
            split = ",",
            description = "rows of topologies with several pairs")
    List<Integer> xTokens = List.of(1024, 10_000);

    @Option(
            names = "--rounds",
            description = "of each series; 0: 200, from 4096 tokens 100, from 10000 50")
    int rounds;

    @Option(names = "--warm-up", description = "rounds of the smallest row with new processes")
    int warmUp = 300;

    @Option(
            names = "--series-seconds",
            description = "a series ends then, with ten rounds at least")
    int seriesSeconds = 8;

    @Option(names = "--bulk-transfers", description = "back to back; 0: 24 on a GPU, else 8")
    int bulkTransfers;

    @Option(
            names = "--bulk-room",
            description = "so many fit the receive buffer; 0: all on a GPU, else 3")
    int bulkRoom;

    @Option(names = "--layers", description = "layers of 4 KiB a token")
    int layers = 32;

    @Option(
            names = "--spin-us",
            description = "before a waiting engine parks; -1: 2000, or 0 below 8 cores")
    int spinUs = -1;

    @Option(names = "--own-stream", description = "engines on a GPU don't use the default stream")
    boolean ownStream;

    @Option(names = "--producer-gpu", description = "of all producers")
    int producerGpu;

    @Option(names = "--consumer-gpu", description = "of all consumers")
    int consumerGpu = 1;

    @Option(
            names = "--one-process",
            description = "all engines in one, as those of loopback always are")
    boolean oneProcess;

    @Option(
            names = "--only-floors",
            description = "no connectors: bare wires, and the TCP plane alone")
    boolean onlyFloors;

    @Option(
            names = "--first-layer-ms",
            description = "how long a prompt's first layer takes to compute")
    double firstLayerMs;

    @Option(
            names = "--producer-launcher",
            description = "words before a command, as ssh HOST with the same files")
    String producerLauncher = "";

    @Option(names = "--consumer-launcher", description = "the same for consumers")
    String consumerLauncher = "";

    @Option(names = "--producer-ip", description = "where producers listen")
    String producerIp = "127.0.0.1";

    @Option(names = "--consumer-ip", description = "where consumers listen")
    String consumerIp = "127.0.0.1";

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
