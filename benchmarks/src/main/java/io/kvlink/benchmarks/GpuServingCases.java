// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Loads of one worker, each measured in rounds after one that isn't counted. Prompts are random
 * token ids, new ones each time; answers don't end by themselves.
 */
final class GpuServingCases {

    /** Prompt tokens of the smallest chunk that a device computes at once. */
    private static final int CHUNK = 256;

    private static final long DEADLINE_S = 1200;

    private final LlamaWorker worker;
    private final int vocabulary;
    private final boolean greedy;
    private final int rounds;
    private final GpuServingTable table;
    private final Random random = new Random(1);

    GpuServingCases(
            LlamaWorker worker, int vocabulary, boolean greedy, int rounds, GpuServingTable table) {
        this.worker = worker;
        this.vocabulary = vocabulary;
        this.greedy = greedy;
        this.rounds = rounds;
        this.table = table;
    }

    /**
     * Tokens for which there must be KV memory in {@link #decodeSteps}.
     *
     * @param steps as there
     */
    static long kvTokens(int rows, int context, int steps) {
        return (long) rows * (context + longestAnswer(rows, context, steps) + CHUNK);
    }

    /** Time between two tokens of an answer while {@code rows} answers are running. */
    void decodeSteps(int rows, int context, int steps) throws Exception {
        String figure = "decode step";
        if (context + steps + 1 > worker.contextLength()) {
            table.printSkipped(figure, rows, "" + context, tooShort());
            return;
        }
        List<double[]> gaps = new ArrayList<>();
        List<Double> rates = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            double[] found = stepsMs(rows, context, steps);
            if (found.length == 0) {
                table.printSkipped(figure, rows, "" + context, "never so many at once");
                return;
            }
            if (round >= 0) {
                gaps.add(found);
                rates.add(1000 * rows / Spread.of(found).p50());
            }
        }
        table.printMs(figure, rows, "" + context, gaps, rates);
    }

    private double[] stepsMs(int rows, int context, int steps) throws Exception {
        // Those that come first go on while the others' prompts are computed.
        int longest =
                Math.min(longestAnswer(rows, context, steps), worker.contextLength() - context);
        List<TokenTimes> all = new ArrayList<>();
        for (int row = 1; row < rows; row++) {
            all.add(submit(context, longest));
        }
        TokenTimes last = submit(context, steps + 1);
        last.awaitEnd();
        for (TokenTimes other : all) {
            other.awaitFirst();
            other.cancel();
        }
        all.add(last);
        long from = all.stream().mapToLong(TokenTimes::firstNs).max().orElseThrow();
        long to = all.stream().mapToLong(TokenTimes::lastNs).min().orElseThrow();
        return last.gapsMs(from, to);
    }

    private static int longestAnswer(int rows, int context, int steps) {
        return steps + 1 + rows * ((context + CHUNK - 1) / CHUNK);
    }

    /** Time from the submission of one prompt to its first token, while nothing else runs. */
    void firstToken(int prompt, int times) throws Exception {
        String figure = "first token";
        if (prompt + 1 > worker.contextLength()) {
            table.printSkipped(figure, 1, "" + prompt, tooShort());
            return;
        }
        List<double[]> found = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            double[] firstMs = new double[times];
            for (int i = 0; i < times; i++) {
                TokenTimes answer = submit(prompt, 1);
                answer.awaitEnd();
                firstMs[i] = answer.firstMs();
            }
            if (round >= 0) {
                found.add(firstMs);
            }
        }
        table.printMs(figure, 1, "" + prompt, found, List.of());
    }

    /** Many clients that come at once: tokens a second until the last is answered. */
    void clients(int clients, int prompt, int answer) throws Exception {
        String tokens = prompt + "/" + answer;
        if (prompt + answer > worker.contextLength()) {
            table.printSkipped("clients at once", clients, tokens, tooShort());
            return;
        }
        List<Double> whole = new ArrayList<>();
        List<double[]> gaps = new ArrayList<>();
        List<double[]> firsts = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            List<TokenTimes> all = new ArrayList<>();
            for (int client = 0; client < clients; client++) {
                all.add(submit(prompt, answer));
            }
            for (TokenTimes times : all) {
                times.awaitEnd();
            }
            if (round >= 0) {
                whole.add(rate(all));
                gaps.add(gaps(all));
                firsts.add(all.stream().mapToDouble(TokenTimes::firstMs).toArray());
            }
        }
        table.printMs("clients at once, first token", clients, tokens, firsts, List.of());
        table.printMs("clients at once, between tokens", clients, tokens, gaps, whole);
    }

    /** Clients that ask again when they are answered: prompts come while answers run. */
    void turns(int clients, int prompt, int answer, int turns) throws Exception {
        String tokens = prompt + "/" + answer;
        if (prompt + answer > worker.contextLength()) {
            table.printSkipped("clients in turns", clients, tokens, tooShort());
            return;
        }
        List<Double> whole = new ArrayList<>();
        List<double[]> gaps = new ArrayList<>();
        List<double[]> firsts = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            List<TokenTimes> all = inTurns(clients, prompt, answer, round < 0 ? 1 : turns);
            if (round >= 0) {
                whole.add(rate(all));
                gaps.add(gaps(all));
                firsts.add(all.stream().mapToDouble(TokenTimes::firstMs).toArray());
            }
        }
        table.printMs("clients in turns, first token", clients, tokens, firsts, List.of());
        table.printMs("clients in turns, between tokens", clients, tokens, gaps, whole);
    }

    private List<TokenTimes> inTurns(int clients, int prompt, int answer, int turns)
            throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        try {
            List<Future<List<TokenTimes>>> started = new ArrayList<>();
            for (int client = 0; client < clients; client++) {
                started.add(
                        threads.submit(
                                () -> {
                                    List<TokenTimes> own = new ArrayList<>();
                                    for (int turn = 0; turn < turns; turn++) {
                                        TokenTimes times = submit(prompt, answer);
                                        times.awaitEnd();
                                        own.add(times);
                                    }
                                    return own;
                                }));
            }
            List<TokenTimes> all = new ArrayList<>();
            for (Future<List<TokenTimes>> client : started) {
                all.addAll(client.get(DEADLINE_S, TimeUnit.SECONDS));
            }
            return all;
        } finally {
            threads.shutdown();
        }
    }

    private TokenTimes submit(int prompt, int answer) {
        return TokenTimes.submit(worker, prompt(prompt), answer, params());
    }

    private synchronized int[] prompt(int tokens) {
        return random.ints(tokens, 3, vocabulary).toArray();
    }

    private synchronized SamplingParams params() {
        return greedy
                ? SamplingParams.GREEDY
                : new SamplingParams(0.8, 0.95, 50, random.nextLong() >>> 1);
    }

    private String tooShort() {
        return "the model's context has " + worker.contextLength();
    }

    private static double[] gaps(List<TokenTimes> all) {
        return all.stream()
                .flatMapToDouble(
                        times -> Arrays.stream(times.gapsMs(Long.MIN_VALUE, Long.MAX_VALUE)))
                .toArray();
    }

    private static double rate(List<TokenTimes> all) {
        long from = all.stream().mapToLong(TokenTimes::submittedNs).min().orElseThrow();
        long to = all.stream().mapToLong(TokenTimes::lastNs).max().orElseThrow();
        return 1e9 * all.stream().mapToInt(TokenTimes::count).sum() / (to - from);
    }
}
