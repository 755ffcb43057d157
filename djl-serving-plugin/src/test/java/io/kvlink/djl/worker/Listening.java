// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationResult;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Keeps what a listener hears. Every wait has a deadline. */
class Listening implements GenerationListener {

    static final int DEADLINE_S = 60;

    final List<Integer> tokens = new CopyOnWriteArrayList<>();
    final CompletableFuture<Integer> firstToken = new CompletableFuture<>();
    private final CompletableFuture<GenerationResult> end = new CompletableFuture<>();
    private final List<String> pieces = new CopyOnWriteArrayList<>();

    @Override
    public void onToken(int tokenId, String piece) {
        tokens.add(tokenId);
        pieces.add(piece);
        firstToken.complete(tokenId);
    }

    @Override
    public void onFinished(GenerationResult result) {
        if (!end.complete(result)) {
            throw new AssertionError("ended twice");
        }
    }

    @Override
    public void onFailed(GenerationException failure) {
        if (!end.completeExceptionally(failure)) {
            throw new AssertionError("ended twice");
        }
    }

    GenerationResult result() throws InterruptedException, ExecutionException, TimeoutException {
        return end.get(DEADLINE_S, TimeUnit.SECONDS);
    }

    GenerationException failure() throws InterruptedException, TimeoutException {
        try {
            throw new AssertionError(
                    "expected a failure: " + end.get(DEADLINE_S, TimeUnit.SECONDS));
        } catch (ExecutionException failed) {
            return (GenerationException) failed.getCause();
        }
    }

    boolean ended() {
        return end.isDone();
    }

    String text() {
        return String.join("", pieces);
    }
}
