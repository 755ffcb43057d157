// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import com.google.gson.JsonParser;
import io.kvlink.cuda.Gpu;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.host.EmbeddedHost;
import io.kvlink.host.HostConfig;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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
        name = "gpu-serving",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true,
        description = "Steps, first tokens and many clients of one model on one device.")
public final class GpuServingBenchmark implements Callable<Integer> {

    /** Groups of figures. */
    enum Figure {
        DECODE,
        PREFILL,
        CLIENTS,
        TURNS,
        HTTP
    }

    @Option(names = "--model", required = true, description = "the model's directory")
    private Path model = Path.of("");

    @Option(names = "--device", defaultValue = "gpu0", description = "cpu, gpu0, gpu1 …")
    private String device = "";

    @Option(
            names = "--decode-batch",
            split = ",",
            defaultValue = "fast,exact",
            description = "a worker for each")
    private List<String> decodeBatches = List.of();

    @Option(
            names = "--only",
            split = ",",
            defaultValue = "DECODE,PREFILL,CLIENTS,TURNS,HTTP",
            description = "groups of figures")
    private List<Figure> figures = List.of();

    @Option(
            names = "--rows",
            split = ",",
            defaultValue = "1,16,64",
            description = "answers that run at the same time")
    private List<Integer> rows = List.of();

    @Option(
            names = "--contexts",
            split = ",",
            defaultValue = "128,1024",
            description = "tokens before the first measured step")
    private List<Integer> contexts = List.of();

    @Option(names = "--steps", defaultValue = "128", description = "measured in a round")
    private int steps;

    @Option(
            names = "--prompts",
            split = ",",
            defaultValue = "128,1024,4096",
            description = "tokens of lone prompts")
    private List<Integer> prompts = List.of();

    @Option(names = "--times", defaultValue = "10", description = "lone prompts in a round")
    private int times;

    @Option(
            names = "--clients",
            defaultValue = "64/128/256",
            description = "clients, prompt and answer of those that come at once")
    private String clients = "";

    @Option(
            names = "--turns",
            defaultValue = "16/1024/100",
            description = "clients, prompt and answer of those that ask again, four times")
    private String turns = "";

    @Option(names = "--rounds", defaultValue = "3", description = "after one that isn't counted")
    private int rounds;

    @Option(names = "--greedy", description = "instead of temperature 0.8, top_k 50, top_p 0.95")
    private boolean greedy;

    @Option(
            names = "-O",
            paramLabel = "KEY=VALUE",
            description =
                    "an option of the worker, such as dtype=bfloat16; kv_cache_tokens is as"
                            + " many as the cases need, if it isn't given")
    private Map<String, String> options = new LinkedHashMap<>();

    private GpuServingBenchmark() {}

    public static void main(String[] arguments) {
        // Where there is a GPU, DJL's tokenizers look for a CUDA build of theirs on the network.
        System.getProperties().putIfAbsent("RUST_FLAVOR", "cpu");
        System.exit(new CommandLine(new GpuServingBenchmark()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        int vocabulary = vocabulary();
        printMachine("before");
        GpuServingTable.printHead();
        for (String batch : decodeBatches) {
            GpuServingTable table = new GpuServingTable(batch);
            inProcess(options(batch), vocabulary, table);
            if (figures.contains(Figure.HTTP)) {
                overHttp(options(batch), vocabulary, table);
            }
        }
        printMachine("after");
        return 0;
    }

    private void inProcess(Map<String, String> settings, int vocabulary, GpuServingTable table)
            throws Exception {
        long beganNs = System.nanoTime();
        try (LlamaWorker worker =
                LlamaWorker.start(WorkerConfig.of(model, settings), getClass().getClassLoader())) {
            table.printSeconds("start", (System.nanoTime() - beganNs) / 1e9);
            GpuServingCases cases = new GpuServingCases(worker, vocabulary, greedy, rounds, table);
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
        }
    }

    private void overHttp(Map<String, String> settings, int vocabulary, GpuServingTable table)
            throws Exception {
        try (EmbeddedHost host =
                EmbeddedHost.start(
                        new HostConfig(model, "127.0.0.1", 0, settings, Optional.empty()),
                        getClass().getClassLoader())) {
            int[] load = load(clients);
            new GpuServingHttp(host.port(), vocabulary)
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
                tokens = Math.max(tokens, GpuServingCases.kvTokens(count, context, steps));
            }
        }
        for (int prompt : prompts) {
            tokens = Math.max(tokens, prompt + 256L);
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
                Locale.ROOT,
                "%s: %s, Java %s, %d processors, load %.2f, %s, model=%s device=%s options=%s%n%n",
                when,
                LocalDate.now(ZoneOffset.UTC),
                Runtime.version(),
                Runtime.getRuntime().availableProcessors(),
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                gpu(),
                model,
                device,
                options);
    }

    private String gpu() {
        if (!device.startsWith("gpu")) {
            return "no GPU used";
        }
        if (!Gpu.availability().ready()) {
            return Gpu.availability().reason();
        }
        try (Gpu opened = Gpu.open(Integer.parseInt(device.substring(3)))) {
            return String.format(
                    Locale.ROOT,
                    "%s (capability %d, %d multiprocessors, %.1f of %.1f GB free)",
                    opened.name(),
                    opened.capability(),
                    opened.multiprocessors(),
                    opened.freeBytes() / 1e9,
                    opened.totalBytes() / 1e9);
        }
    }
}
