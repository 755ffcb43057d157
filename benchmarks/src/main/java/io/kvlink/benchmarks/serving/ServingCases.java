// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.serving;

import io.kvlink.benchmarks.measure.AtOnce;
import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Loads of one worker, each measured in rounds after one that isn't counted. Prompts are random
 * token ids, new ones each time; answers don't end by themselves.
 */
final class ServingCases {

    /** Prompt tokens of the smallest chunk that a device computes at once. */
    private static final int CHUNK = 256;

    private static final long DEADLINE_S = 1200;

    private final LlamaWorker worker;
    private final int vocabulary;
    private final boolean greedy;
    private final int rounds;
    private final ServingTable table;
    private final Random random = new Random(1);

    ServingCases(
            LlamaWorker worker, int vocabulary, boolean greedy, int rounds, ServingTable table) {
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
        if (isTooLong(context + steps + 1, figure, rows, context)) {
            return;
        }
        List<double[]> gaps = new ArrayList<>();
        List<Double> rates = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            double[] found = stepsMs(rows, context, steps);
            if (found.length == 0) {
                table.printSkipped(figure, rows, context, "never so many at once");
                return;
            }
            if (round >= 0) {
                gaps.add(found);
                rates.add(1000 * rows / Spread.of(found).p50());
            }
        }
        table.printMs(figure, rows, context, gaps, rates);
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
        if (isTooLong(prompt + 1, figure, 1, prompt)) {
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
        table.printMs(figure, 1, prompt, found, List.of());
    }

    /** Many clients that come at once: tokens a second until the last is answered. */
    void clients(int clients, int prompt, int answer) throws Exception {
        load(
                "clients at once",
                clients,
                prompt,
                answer,
                counted -> {
                    List<TokenTimes> all = new ArrayList<>();
                    for (int client = 0; client < clients; client++) {
                        all.add(submit(prompt, answer));
                    }
                    for (TokenTimes times : all) {
                        times.awaitEnd();
                    }
                    return all;
                });
    }

    /** Many clients that ask again as soon as they are answered: tokens a second of all. */
    void turns(int clients, int prompt, int answer, int turns) throws Exception {
        load(
                "clients in turns",
                clients,
                prompt,
                answer,
                counted -> {
                    int most = counted ? turns : 1;
                    return AtOnce.run(
                                    clients, DEADLINE_S, number -> () -> one(prompt, answer, most))
                            .stream()
                            .flatMap(List::stream)
                            .toList();
                });
    }

    private List<TokenTimes> one(int prompt, int answer, int turns) throws Exception {
        List<TokenTimes> own = new ArrayList<>();
        for (int turn = 0; turn < turns; turn++) {
            TokenTimes times = submit(prompt, answer);
            times.awaitEnd();
            own.add(times);
        }
        return own;
    }

    private interface Round {
        List<TokenTimes> run(boolean counted) throws Exception;
    }

    private void load(String figure, int clients, int prompt, int answer, Round work)
            throws Exception {
        String tokens = prompt + "/" + answer;
        if (isTooLong(prompt + answer, figure, clients, tokens)) {
            return;
        }
        List<Double> whole = new ArrayList<>();
        List<double[]> gaps = new ArrayList<>();
        List<double[]> firsts = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            List<TokenTimes> all = work.run(round >= 0);
            if (round >= 0) {
                whole.add(rate(all));
                gaps.add(gaps(all));
                firsts.add(all.stream().mapToDouble(TokenTimes::firstMs).toArray());
            }
        }
        table.printMs(figure + ", first token", clients, tokens, firsts, List.of());
        table.printMs(figure + ", between tokens", clients, tokens, gaps, whole);
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

    private boolean isTooLong(int needed, String figure, int rows, Object tokens) {
        if (needed > worker.contextLength()) {
            table.printSkipped(
                    figure, rows, tokens, "the model's context has " + worker.contextLength());
            return true;
        }
        return false;
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
