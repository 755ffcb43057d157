// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Answer of a worker to one request without a route; told on the worker's thread. */
final class WorkerAnswer implements GenerationListener {

    private static final int MOST_TOKENS = 8;
    private static final long REST_NS = TimeUnit.SECONDS.toNanos(20);

    private final List<Integer> tokens = new ArrayList<>();
    private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();

    private WorkerAnswer() {}

    /** The whole answer, when the connector holds nothing for it any more. */
    static WorkerAnswer answered(LlamaWorker worker, int[] prompt) {
        return answered(worker, prompt, MOST_TOKENS);
    }

    static WorkerAnswer answered(LlamaWorker worker, int[] prompt, int mostTokens) {
        WorkerAnswer answer = new WorkerAnswer();
        worker.submit(
                new GenerationRequest(
                        "r",
                        Optional.empty(),
                        prompt,
                        mostTokens,
                        0,
                        SamplingParams.GREEDY,
                        List.of(),
                        true),
                answer);
        answer.loaded();
        long deadlineNs = System.nanoTime() + REST_NS;
        while (worker.status().ledger().filter(ledger -> !ledger.idle()).isPresent()) {
            assertThat(System.nanoTime() - deadlineNs).as("%s", worker.status()).isNegative();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
        return answer;
    }

    static int[] prompt(int tokens, long seed) {
        return new Random(seed).ints(tokens, 10, 1000).toArray();
    }

    @Override
    public void onToken(int tokenId, String piece) {
        tokens.add(tokenId);
    }

    @Override
    public void onFinished(GenerationResult finished) {
        result.complete(finished);
    }

    @Override
    public void onFailed(GenerationException failure) {
        result.completeExceptionally(failure);
    }

    List<Integer> tokens() {
        return tokens;
    }

    int loaded() {
        return result.orTimeout(60, TimeUnit.SECONDS).join().loadedPromptTokens();
    }

    int computed() {
        return result.orTimeout(60, TimeUnit.SECONDS).join().computedPromptTokens();
    }
}
