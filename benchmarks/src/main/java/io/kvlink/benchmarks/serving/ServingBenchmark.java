// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.serving;

import com.google.gson.JsonParser;
import io.kvlink.benchmarks.measure.Machine;
import io.kvlink.benchmarks.measure.Table;
import io.kvlink.cuda.Gpu;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.host.EmbeddedHost;
import io.kvlink.host.HostConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Serving of one model on one device, as its clients see it. Cases are decode steps by rows and
 * contexts, first tokens by prompts, and many clients at once or while answers run. Prints one
 * table. Needs a directory with config.json, weights and a tokenizer.
 */
@Command(
        name = "benchmarks/run.sh gpu-serving",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        abbreviateSynopsis = true,
        showDefaultValues = true,
        description = "Steps, first tokens and many clients of one model on one device.")
public final class ServingBenchmark implements Callable<Integer> {

    /** Groups of figures. */
    enum Figure {
        DECODE,
        PREFILL,
        CLIENTS,
        TURNS,
        HTTP,
        ARRIVALS
    }

    @Option(names = "--model", required = true, description = "the model's directory")
    private Path model = Path.of("");

    @Option(names = "--device", description = "cpu, gpu0, gpu1 …")
    private String device = "gpu0";

    @Option(names = "--decode-batch", split = ",", description = "a worker for each")
    private List<String> decodeBatches = List.of("fast", "exact");

    @Option(names = "--only", split = ",", description = "of ${COMPLETION-CANDIDATES}")
    private List<Figure> figures =
            List.of(Figure.DECODE, Figure.PREFILL, Figure.CLIENTS, Figure.TURNS, Figure.HTTP);

    @Option(names = "--rows", split = ",", description = "answers that run at the same time")
    private List<Integer> rows = List.of(1, 16, 64);

    @Option(names = "--contexts", split = ",", description = "tokens before the measured steps")
    private List<Integer> contexts = List.of(128, 1024);

    @Option(names = "--steps", description = "measured in a round")
    private int steps = 128;

    @Option(names = "--prompts", split = ",", description = "tokens of lone prompts")
    private List<Integer> prompts = List.of(128, 1024, 4096);

    @Option(names = "--times", description = "lone prompts in a round")
    private int times = 10;

    @Option(names = "--clients", description = "clients/prompt/answer of those that come at once")
    private String clients = "64/128/256";

    @Option(names = "--turns", description = "of those that ask again, four times")
    private String turns = "16/1024/100";

    @Option(names = "--rounds", description = "after one that isn't counted")
    private int rounds = 3;

    @Option(names = "--greedy", description = "instead of temperature 0.8, top_k 50, top_p 0.95")
    private boolean greedy;

    @Option(
            names = "-O",
            paramLabel = "KEY=VALUE",
            description =
                    "an option of the worker, such as dtype=bfloat16; kv_cache_tokens is as"
                            + " many as the cases need, if it isn't given")
    private Map<String, String> options = new LinkedHashMap<>();

    private ServingBenchmark() {}

    public static void main(String[] arguments) {
        // Where there is a GPU, DJL's tokenizers look for a CUDA build of theirs on the network.
        System.getProperties().putIfAbsent("RUST_FLAVOR", "cpu");
        System.exit(
                new CommandLine(new ServingBenchmark())
                        .setOverwrittenOptionsAllowed(true)
                        .execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        int vocabulary = vocabulary();
        printMachine("before");
        ServingTable.printHead();
        for (String batch : decodeBatches) {
            ServingTable table = new ServingTable(batch);
            inProcess(options(batch), vocabulary, table);
            if (figures.contains(Figure.HTTP)) {
                overHttp(options(batch), vocabulary, table);
            }
        }
        printMachine("after");
        return 0;
    }

    private void inProcess(Map<String, String> settings, int vocabulary, ServingTable table)
            throws Exception {
        long beganNs = System.nanoTime();
        try (LlamaWorker worker =
                LlamaWorker.start(WorkerConfig.of(model, settings), getClass().getClassLoader())) {
            table.printSeconds("start", (System.nanoTime() - beganNs) / 1e9);
            ServingCases cases = new ServingCases(worker, vocabulary, greedy, rounds, table);
            if (figures.contains(Figure.DECODE)) {
                for (int context : contexts) {
                    for (int count : rows) {
                        cases.decodeSteps(count, context, steps);
                    }
                }
            }
            if (figures.contains(Figure.PREFILL)) {
                for (int prompt : prompts) {
                    cases.firstToken(prompt, times);
                }
            }
            if (figures.contains(Figure.CLIENTS)) {
                int[] load = load(clients);
                cases.clients(load[0], load[1], load[2]);
            }
            if (figures.contains(Figure.TURNS)) {
                int[] load = load(turns);
                cases.turns(load[0], load[1], load[2], 4);
            }
            if (figures.contains(Figure.ARRIVALS)) {
                try (Arrivals arrivals = new Arrivals(worker, model, settings)) {
                    arrivals.measure(rounds, table);
                }
            }
        }
    }

    private void overHttp(Map<String, String> settings, int vocabulary, ServingTable table)
            throws Exception {
        try (EmbeddedHost host =
                EmbeddedHost.start(
                        new HostConfig(model, "127.0.0.1", 0, settings, Optional.empty()),
                        getClass().getClassLoader())) {
            int[] load = load(clients);
            new ServingHttp(host.port(), vocabulary)
                    .clients(load[0], load[1], load[2], greedy, rounds, table);
        }
    }

    private Map<String, String> options(String decodeBatch) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("device", device);
        settings.put("dtype", "auto");
        settings.put("decode_batch", decodeBatch);
        settings.put("kv_cache_tokens", Long.toString(kvTokens()));
        settings.put("max_running", Integer.toString(most()));
        settings.put("max_batch", Integer.toString(most()));
        settings.putAll(options);
        return settings;
    }

    /** Most answers that run at the same time. */
    private int most() {
        int most = Math.max(load(clients)[0], load(turns)[0]);
        most = figures.contains(Figure.ARRIVALS) ? Math.max(most, Arrivals.ROWS) : most;
        return rows.stream().reduce(most, Math::max);
    }

    private long kvTokens() {
        int[] most = load(clients);
        int[] again = load(turns);
        long tokens =
                Math.max(
                        (long) most[0] * (most[1] + most[2] + 256),
                        (long) again[0] * (again[1] + again[2] + 256));
        for (int context : contexts) {
            for (int count : rows) {
                tokens = Math.max(tokens, ServingCases.kvTokens(count, context, steps));
            }
        }
        for (int prompt : prompts) {
            tokens = Math.max(tokens, prompt + 256L);
        }
        if (figures.contains(Figure.ARRIVALS)) {
            tokens = Math.max(tokens, Arrivals.KV_TOKENS);
        }
        return tokens;
    }

    /** Three numbers with slashes between them. */
    private static int[] load(String text) {
        String[] parts = text.split("/", -1);
        if (parts.length != 3) {
            throw new IllegalArgumentException(
                    "%s; expected clients/prompt/answer, such as 64/128/256".formatted(text));
        }
        return List.of(parts).stream().mapToInt(Integer::parseInt).toArray();
    }

    private int vocabulary() throws IOException {
        return JsonParser.parseString(Files.readString(model.resolve("config.json")))
                .getAsJsonObject()
                .get("vocab_size")
                .getAsInt();
    }

    private void printMachine(String when) {
        System.out.printf(
                "%s: %s, %s, model=%s device=%s options=%s%n%n",
                when, Machine.facts(), gpu(), model, device, options);
    }

    private String gpu() {
        if (!device.startsWith("gpu")) {
            return "no GPU used";
        }
        if (!Gpu.availability().ready()) {
            return Gpu.availability().reason();
        }
        try (Gpu opened = Gpu.open(Integer.parseInt(device.substring(3)))) {
            return Table.number(
                    "%s (capability %d, %d multiprocessors, %.1f of %.1f GB free)",
                    opened.name(),
                    opened.capability(),
                    opened.multiprocessors(),
                    opened.freeBytes() / 1e9,
                    opened.totalBytes() / 1e9);
        }
    }
}
