// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonElement;
import io.kvlink.djl.worker.GenerationResult;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Answers completions and chats for a caller that waits: DJL's {@code Predictor}. Thread-safe; each
 * call runs on its caller's thread.
 */
public final class BlockingCompletions {

    private static final long CHECK_MILLIS = 100;

    private final CompletionPreparer preparer;
    private final InstantSource clock;
    private final Duration limit;

    /**
     * What came of a request.
     *
     * @param status HTTP status
     * @param json OpenAI's completion or error object
     */
    public record Reply(int status, String json) {}

    /**
     * Makes one.
     *
     * @param directory the models
     * @param clock for {@code created}
     * @param limit longest time for one request; what takes longer is given up
     */
    public BlockingCompletions(ModelDirectory directory, InstantSource clock, Duration limit) {
        this.preparer = new CompletionPreparer(directory);
        this.clock = clock;
        this.limit = limit;
    }

    /**
     * Answers one request.
     *
     * @param body of {@code POST /v1/completions}, or of {@code POST /v1/chat/completions} if it
     *     has {@code messages}; {@code stream} is refused
     * @param requestId the client's, or a made-up one
     * @param cancelled asked at each token, and ten times a second, whether to give up
     */
    public Reply answer(byte[] body, String requestId, BooleanSupplier cancelled) {
        try {
            PreparedCompletion prepared =
                    preparer.prepare(
                            Endpoint.of(body),
                            new ByteArrayInputStream(body),
                            body.length,
                            requestId);
            if (prepared.stream()) {
                throw FieldReader.refused("stream", "true", "false here; POST /v1/… streams");
            }
            AnswerJson json = prepared.json(requestId, clock.instant().getEpochSecond());
            return reply(200, json.response(new Call(prepared).await(requestId, cancelled)));
        } catch (ApiException failure) {
            return reply(failure.status().code(), failure.body());
        } catch (RuntimeException defect) {
            ApiException failure = Defects.report(requestId, defect);
            return reply(failure.status().code(), failure.body());
        }
    }

    private static Reply reply(int status, JsonElement body) {
        return new Reply(status, HttpReply.GSON.toJson(body));
    }

    /** One request; on the caller's thread, to which the worker's thread queues events. */
    private final class Call implements CompletionRun.Sink {

        private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
        private final PreparedCompletion prepared;
        private final Answer answer;

        private boolean finished;
        private @Nullable ApiException failure;

        Call(PreparedCompletion prepared) {
            this.prepared = prepared;
            this.answer = new Answer(prepared);
        }

        Answer await(String requestId, BooleanSupplier cancelled) {
            CompletionRun run = new CompletionRun(prepared, events::add, this);
            run.start();
            long deadline = System.nanoTime() + limit.toNanos();
            while (!finished && failure == null) {
                Runnable event = next();
                if (event != null) {
                    event.run();
                }
                // Also if tokens come too fast for the queue ever to be empty.
                boolean stop = Thread.currentThread().isInterrupted() || cancelled.getAsBoolean();
                if (stop && !finished && failure == null) {
                    run.cancel();
                    throw ApiException.unavailable(
                            "cancelled", "request=" + ClientText.id(requestId) + " was cancelled");
                }
                if (!finished && System.nanoTime() - deadline > 0) {
                    run.cancel();
                    throw ApiException.unavailable(
                            "timeout",
                            "request=%s took longer than %s s"
                                    .formatted(ClientText.id(requestId), limit.toMillis() / 1e3));
                }
            }
            if (failure != null) {
                throw failure;
            }
            return answer;
        }

        private @Nullable Runnable next() {
            try {
                return events.poll(CHECK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException stop) {
                Thread.currentThread().interrupt();
                return null;
            }
        }

        @Override
        public void onPiece(int index, TokenPiece piece) {
            answer.append(index, piece);
        }

        @Override
        public void onChoiceFinished(int index, GenerationResult result) {
            answer.finish(index, result);
        }

        @Override
        public void onAllFinished() {
            finished = true;
        }

        @Override
        public void onFailed(ApiException failed) {
            failure = failed;
        }
    }
}
