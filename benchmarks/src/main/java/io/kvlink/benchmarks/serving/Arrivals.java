// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.serving;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * Cost of a long prompt's arrival to answers that run: computed by their worker, and computed by
 * another one and loaded. The cases of a round follow each other, so that other load on the machine
 * hits all of them.
 */
final class Arrivals implements AutoCloseable {

    /** Tokens of KV that its workers need. */
    static final int KV_TOKENS = 32 << 10;

    /** Answers that its workers must run at the same time. */
    static final int ROWS = 9;

    private static final int PROMPT = 32;
    private static final int ANSWER = 320;
    private static final int RUNNING = ROWS - 1;
    private static final int[] ARRIVING = {250, 900};
    private static final String P2P =
            "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"%s\",\"kv_port\":0,"
                    + "\"kv_connector_extra_config\":{\"mem_pool_size_gb\":0.25}}";

    private final LlamaWorker aggregated;
    private final LlamaWorker p;
    private final LlamaWorker d;
    private final Random random = new Random(3);
    private long transfers;

    /** Submits a long prompt; its first token's time, when it is there. */
    private interface Arriving {
        long firstNs() throws Exception;
    }

    /** Gaps between tokens of a running answer, in ms, before a prompt came and until it ran. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Gaps(double[] before, double[] during) {

        double longest() {
            return Spread.of(during).max();
        }

        double added() {
            double usual = Spread.of(before).p50();
            return Arrays.stream(during).map(gap -> gap - usual).sum();
        }
    }

    /**
     * Starts a prefill and a decode worker.
     *
     * @param aggregated stays the caller's
     * @param settings of all three
     */
    Arrivals(LlamaWorker aggregated, Path model, Map<String, String> settings) {
        this.aggregated = aggregated;
        p = worker(model, settings, "kv_producer");
        d = worker(model, settings, "kv_consumer");
    }

    private static LlamaWorker worker(Path model, Map<String, String> settings, String role) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("kv_transfer_config", P2P.formatted(role));
        return LlamaWorker.start(WorkerConfig.of(model, all), Arrivals.class.getClassLoader());
    }

    /** Measures in rounds after one that isn't counted. */
    void measure(int rounds, ServingTable table) throws Exception {
        for (int tokens : ARRIVING) {
            List<Gaps> computed = new ArrayList<>();
            List<Gaps> loaded = new ArrayList<>();
            for (int round = -1; round < rounds; round++) {
                int[] prompt = prompt(tokens);
                Gaps here = gaps(aggregated, () -> submit(aggregated, prompt, 1).awaitFirst());
                // P has done its part before: it would compete for the same processors.
                TransferRoute route = route();
                TokenTimes.submit(p, prompt, 1, Optional.of(route)).awaitEnd();
                Gaps there =
                        gaps(
                                d,
                                () ->
                                        TokenTimes.submit(d, prompt, 1, Optional.of(route))
                                                .awaitFirst());
                if (round >= 0) {
                    computed.add(here);
                    loaded.add(there);
                }
            }
            print(table, tokens, "computed prompt", computed);
            print(table, tokens, "loaded prompt", loaded);
        }
    }

    private TransferRoute route() {
        return new TransferRoute(
                p.status().kvAddress().orElseThrow(),
                d.status().kvAddress().orElseThrow(),
                new TransferId(7, ++transfers, 0));
    }

    private Gaps gaps(LlamaWorker worker, Arriving arriving) throws Exception {
        List<TokenTimes> running = new ArrayList<>();
        for (int i = 0; i < RUNNING; i++) {
            running.add(submit(worker, prompt(PROMPT), ANSWER));
        }
        long from = running.get(RUNNING - 1).awaitFirst();
        // Some tokens of the running answers before, to compare with.
        submit(worker, prompt(2), ANSWER / 4).awaitEnd();
        long arrived = System.nanoTime();
        long first = arriving.firstNs();
        for (TokenTimes times : running) {
            times.awaitEnd();
        }
        TokenTimes one = running.get(0);
        double[] before = one.gapsMs(from, arrived);
        // The gap in which it came ends after its first token.
        long until = first + Math.round(3e6 * Spread.of(before).p50());
        return new Gaps(before, one.gapsMs(arrived, until));
    }

    private static TokenTimes submit(LlamaWorker worker, int[] prompt, int answer) {
        return TokenTimes.submit(worker, prompt, answer, Optional.empty());
    }

    private int[] prompt(int tokens) {
        return random.ints(tokens, 3, 900).toArray();
    }

    private static void print(ServingTable table, int tokens, String figure, List<Gaps> found) {
        List<double[]> before = found.stream().map(Gaps::before).toList();
        List<double[]> during = found.stream().map(Gaps::during).toList();
        table.printMs(figure + ", gap before", RUNNING, tokens, before, List.of());
        table.printMs(figure + ", gap during", RUNNING, tokens, during, List.of());
        List<double[]> longest = found.stream().map(gaps -> new double[] {gaps.longest()}).toList();
        table.printMs(figure + ", longest gap", RUNNING, tokens, longest, List.of());
        List<double[]> added = found.stream().map(gaps -> new double[] {gaps.added()}).toList();
        table.printMs(
                figure + ", added to an answer of " + ANSWER, RUNNING, tokens, added, List.of());
    }

    @Override
    public void close() {
        try (p) {
            d.close();
        }
    }
}
