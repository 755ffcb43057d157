// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.serving;

import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.spi.TransferRoute;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Arrival times of one answer's tokens. Written by the worker's thread, up to {@code count}; read
 * when that is over, or by who has cancelled it.
 */
final class TokenTimes implements GenerationListener {

    private static final long DEADLINE_S = 600;

    private final long submittedNs = System.nanoTime();
    private final long[] atNs;
    private volatile int count;
    private @Nullable Generation generation;
    private final CompletableFuture<Long> first = new CompletableFuture<>();
    private final CompletableFuture<GenerationResult> end = new CompletableFuture<>();

    private TokenTimes(int tokens) {
        atNs = new long[tokens];
    }

    /** Asks for so many tokens, whatever they are. */
    static TokenTimes submit(
            LlamaWorker worker, int[] prompt, int tokens, Optional<TransferRoute> route) {
        TokenTimes times = new TokenTimes(tokens);
        times.submit(worker, route, prompt, tokens, SamplingParams.GREEDY);
        return times;
    }

    /** Asks for so many tokens by these parameters. */
    static TokenTimes submit(LlamaWorker worker, int[] prompt, int tokens, SamplingParams params) {
        TokenTimes times = new TokenTimes(tokens);
        times.submit(worker, Optional.empty(), prompt, tokens, params);
        return times;
    }

    private void submit(
            LlamaWorker worker,
            Optional<TransferRoute> route,
            int[] prompt,
            int tokens,
            SamplingParams params) {
        generation =
                worker.submit(
                        new GenerationRequest(
                                "benchmark", route, prompt, tokens, 0, params, List.of(), true),
                        this);
    }

    /** Wants no more tokens; those that came stay. */
    void cancel() {
        Objects.requireNonNull(generation).cancel();
    }

    @Override
    public void onToken(int tokenId, String text) {
        int index = count;
        atNs[index] = System.nanoTime();
        count = index + 1;
        if (index == 0) {
            first.complete(atNs[0]);
        }
    }

    @Override
    public void onFinished(GenerationResult result) {
        end.complete(result);
    }

    @Override
    public void onFailed(GenerationException failure) {
        first.completeExceptionally(failure);
        end.completeExceptionally(failure);
    }

    /** Waits for the first token; when it came. */
    long awaitFirst() throws Exception {
        return first.get(DEADLINE_S, TimeUnit.SECONDS);
    }

    /** Waits for the end of the answer. */
    GenerationResult awaitEnd() throws Exception {
        return end.get(DEADLINE_S, TimeUnit.SECONDS);
    }

    /** Time from the submission to the first token, in ms. */
    double firstMs() {
        return (atNs[0] - submittedNs) / 1e6;
    }

    int count() {
        return count;
    }

    long submittedNs() {
        return submittedNs;
    }

    long firstNs() {
        return atNs[0];
    }

    long lastNs() {
        return atNs[count - 1];
    }

    /** Gaps between tokens of which the later came after {@code from}, not after {@code to}; ms. */
    double[] gapsMs(long from, long to) {
        int tokens = count;
        double[] gaps = new double[tokens];
        int found = 0;
        for (int i = 1; i < tokens; i++) {
            if (atNs[i] > from && atNs[i] <= to) {
                gaps[found++] = (atNs[i] - atNs[i - 1]) / 1e6;
            }
        }
        return Arrays.copyOf(gaps, found);
    }
}
