// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.answer.Defects;
import io.kvlink.djl.http.answer.TokenPiece;
import io.kvlink.djl.sampling.SampledToken;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * The generations of one request: started together, given up together. Everything here, and every
 * call of the sink, happens on one thread; the worker's thread only hands tasks over to it.
 */
final class CompletionRun {

    /** Hears what the generations say. At most one of the two ends is called, and last. */
    interface Sink {
        void onPiece(int index, TokenPiece piece);

        void onChoiceFinished(int index, GenerationResult result);

        void onAllFinished();

        void onFailed(ApiException failure);
    }

    private final PreparedCompletion prepared;
    private final Executor thread;
    private final Sink sink;
    private final List<Generation> generations = new ArrayList<>();

    private int unfinished;
    private boolean ended;

    /**
     * Makes a run that hasn't started.
     *
     * @param prepared what to generate
     * @param thread runs tasks one after the other on the one thread; may refuse when it is gone
     * @param sink told of everything, on that thread
     */
    CompletionRun(PreparedCompletion prepared, Executor thread, Sink sink) {
        this.prepared = prepared;
        this.thread = thread;
        this.sink = sink;
        this.unfinished = prepared.requests().size();
    }

    /** Submits all prompts; if one is refused, gives up those before it and tells the sink. */
    void start() {
        try {
            for (GenerationRequest request : prepared.requests()) {
                PostingListener listener = new PostingListener(generations.size());
                generations.add(prepared.generator().submit(request, listener));
            }
        } catch (GenerationException failure) {
            fail(ApiException.of(failure, requestId()));
        } catch (RuntimeException defect) {
            fail(Defects.report(requestId(), defect));
        }
    }

    private String requestId() {
        return prepared.requests().get(0).requestId();
    }

    /** Gives up whatever hasn't ended. The sink hears nothing more. */
    void cancel() {
        if (!ended) {
            ended = true;
            generations.forEach(Generation::cancel);
        }
    }

    private void fail(ApiException failure) {
        if (!ended) {
            cancel();
            sink.onFailed(failure);
        }
    }

    private void finish(int index, GenerationResult result) {
        sink.onChoiceFinished(index, result);
        unfinished--;
        if (unfinished == 0 && !ended) {
            ended = true;
            sink.onAllFinished();
        }
    }

    /** Passes the worker's events on to the channel's event loop. Called by the worker's thread. */
    private final class PostingListener implements GenerationListener {

        private final int index;

        PostingListener(int index) {
            this.index = index;
        }

        @Override
        public void onToken(int tokenId, String text) {
            onSampled(new SampledToken(tokenId), text, 0);
        }

        @Override
        public void onSampled(SampledToken token, String text, int offset) {
            // Here, as this thread may use the tokenizer, and the sink's may not wait for it.
            TokenPiece piece = TokenPiece.of(token, text, offset, prepared.generator());
            post(() -> sink.onPiece(index, piece));
        }

        @Override
        public void onFinished(GenerationResult result) {
            post(() -> finish(index, result));
        }

        @Override
        public void onFailed(GenerationException failure) {
            post(() -> fail(ApiException.of(failure, requestId())));
        }

        private void post(Runnable event) {
            try {
                thread.execute(
                        () -> {
                            if (!ended) {
                                event.run();
                            }
                        });
            } catch (RejectedExecutionException gone) {
                // The event loop has shut down, and with it the client's channel.
                return;
            }
        }
    }
}
