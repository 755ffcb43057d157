// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import ai.djl.inference.streaming.PublisherBytesSupplier;
import com.google.gson.JsonElement;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.http.answer.AnswerChoices;
import io.kvlink.djl.http.answer.AnswerJson;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.answer.ClientText;
import io.kvlink.djl.http.answer.Defects;
import io.kvlink.djl.http.answer.TokenPiece;
import io.kvlink.djl.http.parse.Endpoint;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
     * The outcome of a request.
     *
     * @param status HTTP status
     * @param json OpenAI's completion or error object; empty if the answer is streamed
     * @param events the answer's events if it is streamed, of which the first is there
     */
    public record Reply(int status, String json, Optional<PublisherBytesSupplier> events) {}

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
     *     has {@code messages}
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
            AnswerJson json = prepared.json(requestId, clock.instant().getEpochSecond());
            if (prepared.stream()) {
                return new Reply(200, "", Optional.of(begun(prepared, json, requestId, cancelled)));
            }
            return reply(200, json.response(new Call(prepared).await(requestId, cancelled)));
        } catch (ApiException failure) {
            return reply(failure.status().code(), failure.body());
        } catch (RuntimeException defect) {
            ApiException failure = Defects.report(requestId, defect);
            return reply(failure.status().code(), failure.body());
        }
    }

    private static Reply reply(int status, JsonElement body) {
        return new Reply(status, HttpReply.GSON.toJson(body), Optional.empty());
    }

    /** A stream that has its first event; what fails before has a status of its own. */
    private EventStream begun(
            PreparedCompletion prepared,
            AnswerJson json,
            String requestId,
            BooleanSupplier cancelled) {
        EventStream stream = new EventStream(prepared, json, StreamThread.INSTANCE, cancelled);
        stream.start();
        long deadline = System.nanoTime() + limit.toNanos();
        while (!hasBegun(stream)) {
            boolean stop = Thread.currentThread().isInterrupted() || cancelled.getAsBoolean();
            if (stop || System.nanoTime() - deadline > 0) {
                stream.cancel();
                throw stop ? cancelled(requestId) : late(requestId);
            }
        }
        stream.begun()
                .join()
                .ifPresent(
                        failure -> {
                            throw failure;
                        });
        return stream;
    }

    /** Waits a while. */
    private static boolean hasBegun(EventStream stream) {
        try {
            return stream.begun().get(CHECK_MILLIS, TimeUnit.MILLISECONDS) != null;
        } catch (TimeoutException notYet) {
            return false;
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            return false;
        } catch (ExecutionException never) {
            throw new IllegalStateException(never);
        }
    }

    private static ApiException cancelled(String requestId) {
        return ApiException.unavailable(
                "cancelled", "request=" + ClientText.id(requestId) + " was cancelled");
    }

    private ApiException late(String requestId) {
        return ApiException.unavailable(
                "timeout",
                "request=%s took longer than %s s"
                        .formatted(ClientText.id(requestId), limit.toMillis() / 1e3));
    }

    /** One request; on the caller's thread, to which the worker's thread queues events. */
    private final class Call implements CompletionRun.Sink {

        private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
        private final PreparedCompletion prepared;
        private final AnswerChoices answer;

        private boolean finished;
        private @Nullable ApiException failure;

        Call(PreparedCompletion prepared) {
            this.prepared = prepared;
            this.answer = prepared.answer();
        }

        AnswerChoices await(String requestId, BooleanSupplier cancelled) {
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
                    throw cancelled(requestId);
                }
                if (!finished && System.nanoTime() - deadline > 0) {
                    run.cancel();
                    throw late(requestId);
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
