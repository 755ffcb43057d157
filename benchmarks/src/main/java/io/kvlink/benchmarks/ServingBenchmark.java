// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * Work of a worker for many clients at once: tokens a second of running answers, with batches and
 * without. It also measures the cost of a long prompt's arrival to those answers, computed where it
 * arrives or loaded. The cases of a round follow each other, so that other load on the machine hits
 * all of them.
 */
public final class ServingBenchmark {

    private static final int[] CLIENTS = {1, 2, 4, 8, 16, 32, 64};
    private static final int PROMPT = Integer.getInteger("prompt", 32);
    private static final int ANSWER = Integer.getInteger("answer", 96);
    private static final int LONG_ANSWER = 320;
    private static final int RUNNING = 8;
    private static final int ROUNDS = Integer.getInteger("rounds", 5);
    private static final String P2P =
            "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"%s\",\"kv_port\":0,"
                    + "\"kv_connector_extra_config\":{\"mem_pool_size_gb\":0.25}}";

    private final Path model;
    private final List<LlamaWorker> workers = new ArrayList<>();
    private long requests;

    private ServingBenchmark(Path model) {
        this.model = model;
    }

    /** Prints tables, or one of {@code throughput} and {@code arrivals}. */
    public static void main(String[] args) throws Exception {
        String only = args.length == 0 ? "" : args[0];
        System.out.printf(
                Locale.ROOT,
                "Java %s, %d processors, load %.2f, %d rounds, prompts of %d tokens, answers of %d%n",
                Runtime.version(),
                Runtime.getRuntime().availableProcessors(),
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                ROUNDS,
                PROMPT,
                ANSWER);
        ServingBenchmark benchmark =
                new ServingBenchmark(Path.of(System.getProperty("model", "samples/model")));
        try {
            if (!only.equals("arrivals")) {
                benchmark.throughput();
            }
            if (!only.equals("throughput")) {
                benchmark.arrivals();
            }
        } finally {
            benchmark.workers.forEach(LlamaWorker::close);
        }
        System.out.printf(
                Locale.ROOT,
                "load %.2f at the end%n",
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    }

    private LlamaWorker worker(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("kv_cache_tokens", 64 * 512);
        Integer threads = Integer.getInteger("threads");
        if (threads != null) {
            all.put("decode_threads", threads);
        }
        LlamaWorker worker =
                LlamaWorker.start(
                        WorkerConfig.of(model, all), ServingBenchmark.class.getClassLoader());
        workers.add(worker);
        return worker;
    }

    private void throughput() throws Exception {
        LlamaWorker batched = worker(Map.of());
        LlamaWorker off = worker(Map.of("decode_batch", "off"));
        List<Series> all = Arrays.stream(CLIENTS).mapToObj(Series::new).toList();
        rate(batched, 16);
        rate(batched, 1);
        rate(off, 2);
        for (int round = 0; round < ROUNDS; round++) {
            for (Series series : all) {
                boolean both = series.clients == 1 || series.clients == 16;
                // Each comes first in every second round.
                if (both && round % 2 == 1) {
                    series.single.add(rate(off, series.clients));
                }
                series.batched.add(rate(batched, series.clients));
                if (both && round % 2 == 0) {
                    series.single.add(rate(off, series.clients));
                }
            }
        }
        System.out.println(
                "\n| clients | tokens/s | times one client | processor time a token, us"
                        + " | decode_batch=off, tokens/s | processor time |");
        System.out.println("|---|---|---|---|---|---|");
        for (Series series : all) {
            double[] times = new double[ROUNDS];
            Arrays.setAll(
                    times,
                    round ->
                            series.batched.get(round).tokensPerS
                                    / all.get(0).batched.get(round).tokensPerS);
            System.out.printf(
                    Locale.ROOT,
                    "| %d | %s | %s | %s | %s | %s |%n",
                    series.clients,
                    shown(series.batched, Rate::tokensPerS),
                    shown(Spread.of(times), "%.2f"),
                    shown(series.batched, Rate::cpuUs),
                    shown(series.single, Rate::tokensPerS),
                    shown(series.single, Rate::cpuUs));
        }
        close(batched);
        close(off);
    }

    private static String shown(List<Rate> rates, ToDoubleFunction<Rate> value) {
        return rates.isEmpty()
                ? ""
                : shown(Spread.of(rates.stream().map(value::applyAsDouble).toList()), "%.0f");
    }

    /** One rate a round. */
    private record Series(int clients, List<Rate> batched, List<Rate> single) {
        Series(int clients) {
            this(clients, new ArrayList<>(), new ArrayList<>());
        }
    }

    private void close(LlamaWorker worker) {
        worker.close();
        workers.remove(worker);
    }

    /** Rate while all clients are being answered. */
    private static Rate rate(LlamaWorker worker, int clients) throws Exception {
        List<TokenTimes> all = new ArrayList<>();
        for (int client = 0; client < clients; client++) {
            all.add(TokenTimes.submit(worker, prompt(PROMPT, client), ANSWER, Optional.empty()));
        }
        long from = Long.MIN_VALUE;
        long to = Long.MAX_VALUE;
        long fromCpu = Long.MIN_VALUE;
        long toCpu = Long.MAX_VALUE;
        for (TokenTimes times : all) {
            times.awaitEnd();
            from = Math.max(from, times.firstNs());
            to = Math.min(to, times.lastNs());
            fromCpu = Math.max(fromCpu, times.firstCpuNs());
            toCpu = Math.min(toCpu, times.lastCpuNs());
        }
        int tokens = 0;
        for (TokenTimes times : all) {
            tokens += times.between(from, to);
        }
        return new Rate(tokens * 1e9 / (to - from), (toCpu - fromCpu) / 1e3 / tokens);
    }

    /**
     * Result of one measurement of running answers.
     *
     * @param tokensPerS while all clients are being answered
     * @param cpuUs processor time of the worker's thread for each of these tokens
     */
    private record Rate(double tokensPerS, double cpuUs) {}

    private static int[] prompt(int tokens, int seed) {
        int[] prompt = new int[tokens];
        Arrays.setAll(prompt, i -> 3 + (31 * seed + 7 * i) % 900);
        return prompt;
    }

    /** Effect of an arrival on a running answer. */
    private record Arrival(double before, double during, double longest, double added) {}

    private interface Prompts {
        /** Submits a long prompt; its first token's time, when it is there. */
        long arrive(int tokens) throws Exception;
    }

    private void arrivals() throws Exception {
        LlamaWorker aggregated = worker(Map.of());
        LlamaWorker p = worker(Map.of("kv_transfer_config", P2P.formatted("kv_producer")));
        LlamaWorker d = worker(Map.of("kv_transfer_config", P2P.formatted("kv_consumer")));
        Prompts computed =
                tokens ->
                        TokenTimes.submit(aggregated, prompt(tokens, 5), 1, Optional.empty())
                                .awaitFirst();
        Map<String, List<Arrival>> found = new TreeMap<>();
        for (int round = -1; round < ROUNDS; round++) {
            for (int tokens : new int[] {250, 900}) {
                Arrival here = arrival(aggregated, tokens, computed);
                // P has done its part before: it would compete for the same processors.
                TransferRoute route = route(p, d);
                TokenTimes.submit(p, prompt(tokens, 5), 1, Optional.of(route)).awaitEnd();
                Prompts loaded =
                        count ->
                                TokenTimes.submit(d, prompt(count, 5), 1, Optional.of(route))
                                        .awaitFirst();
                Arrival there = arrival(d, tokens, loaded);
                if (round >= 0) {
                    found.computeIfAbsent("computed, " + tokens, key -> new ArrayList<>())
                            .add(here);
                    found.computeIfAbsent("loaded, " + tokens, key -> new ArrayList<>()).add(there);
                }
            }
        }
        print(found);
    }

    private TransferRoute route(LlamaWorker p, LlamaWorker d) {
        HostPort from = p.status().kvAddress().orElseThrow();
        HostPort to = d.status().kvAddress().orElseThrow();
        return new TransferRoute(from, to, new TransferId(7, ++requests, 0));
    }

    private static Arrival arrival(LlamaWorker worker, int tokens, Prompts prompts)
            throws Exception {
        List<TokenTimes> running = new ArrayList<>();
        for (int i = 0; i < RUNNING; i++) {
            running.add(
                    TokenTimes.submit(worker, prompt(PROMPT, i), LONG_ANSWER, Optional.empty()));
        }
        long from = running.get(RUNNING - 1).awaitFirst();
        // Some tokens of the running answers before, to compare with.
        TokenTimes.submit(worker, prompt(2, 3), LONG_ANSWER / 4, Optional.empty()).awaitEnd();
        long arrived = System.nanoTime();
        long first = prompts.arrive(tokens);
        for (TokenTimes times : running) {
            times.awaitEnd();
        }
        TokenTimes one = running.get(0);
        double before = Spread.of(one.gapsMs(from, arrived)).p50();
        // The gap in which it came ends after its first token.
        double[] during = one.gapsMs(arrived, first + Math.round(3e6 * before));
        double added = Arrays.stream(during).map(gap -> gap - before).sum();
        Spread spread = Spread.of(during);
        return new Arrival(before, spread.p50(), spread.max(), added);
    }

    private static void print(Map<String, List<Arrival>> found) {
        System.out.printf(
                "%n| arriving prompt, tokens | gap between tokens before, ms | during, median"
                        + " | during, longest | added to an answer in all, ms | of an answer of %d"
                        + " tokens |%n|---|---|---|---|---|---|%n",
                LONG_ANSWER);
        found.forEach(
                (name, arrivals) -> {
                    List<Double> share = new ArrayList<>();
                    arrivals.forEach(
                            arrival ->
                                    share.add(
                                            100 * arrival.added / (arrival.before * LONG_ANSWER)));
                    System.out.printf(
                            Locale.ROOT,
                            "| %s | %s | %s | %s | %s | %s %% |%n",
                            name,
                            shown(spread(arrivals, Arrival::before), "%.1f"),
                            shown(spread(arrivals, Arrival::during), "%.1f"),
                            shown(spread(arrivals, Arrival::longest), "%.1f"),
                            shown(spread(arrivals, Arrival::added), "%.1f"),
                            shown(Spread.of(share), "%.1f"));
                });
    }

    private static Spread spread(List<Arrival> arrivals, ToDoubleFunction<Arrival> value) {
        return Spread.of(arrivals.stream().map(value::applyAsDouble).toList());
    }

    private static String shown(Spread spread, String format) {
        return String.format(
                Locale.ROOT,
                format + " (" + format + "–" + format + ")",
                spread.p50(),
                spread.min(),
                spread.max());
    }
}
