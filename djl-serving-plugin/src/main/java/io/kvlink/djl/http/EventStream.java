// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import ai.djl.inference.streaming.PublisherBytesSupplier;
import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.http.answer.AnswerEvents;
import io.kvlink.djl.http.answer.AnswerJson;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.answer.TokenPiece;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A streamed answer as DJL passes it on: the events of {@code /v1}, as bytes. All of it happens on
 * one executor's thread but {@link #subscribe} and {@link #begun}, which any thread may call.
 */
final class EventStream extends PublisherBytesSupplier implements CompletionRun.Sink {

    private final AnswerEvents events;
    private final CompletionRun run;
    private final Executor thread;
    private final BooleanSupplier cancelled;
    private final CompletableFuture<Optional<ApiException>> begun = new CompletableFuture<>();
    private final CompletableFuture<Void> sent = new CompletableFuture<>();
    private final Queue<byte[]> waiting = new ArrayDeque<>();

    private @Nullable Consumer<byte[]> subscriber;
    private boolean ended;

    /**
     * A stream that hasn't begun.
     *
     * @param prepared what to generate
     * @param json how it is written
     * @param thread runs tasks one after the other, and never refuses one
     * @param cancelled whether the client has left, as far as DJL knows
     */
    EventStream(
            PreparedCompletion prepared,
            AnswerJson json,
            Executor thread,
            BooleanSupplier cancelled) {
        this.events =
                new AnswerEvents(
                        prepared.includeUsage(), json, prepared.answer(), Optional.empty());
        this.thread = thread;
        this.cancelled = cancelled;
        this.run = new CompletionRun(prepared, thread, this);
    }

    void start() {
        thread.execute(run::start);
    }

    /** Gives up; there will be no more events. */
    void cancel() {
        thread.execute(
                () -> {
                    run.cancel();
                    end();
                });
    }

    /** Completes with the first event, or with the reason why there is none. */
    CompletableFuture<Optional<ApiException>> begun() {
        return begun;
    }

    /** DJL's way to ask for the bytes: null is the end. Doesn't wait, unlike DJL's own. */
    @Override
    public CompletableFuture<Void> subscribe(Consumer<byte[]> consumer) {
        thread.execute(
                () -> {
                    if (subscriber != null) {
                        throw new IllegalStateException("subscribed twice");
                    }
                    subscriber = consumer;
                    flush();
                });
        return sent;
    }

    @Override
    public void onPiece(int index, TokenPiece piece) {
        if (cancelled.getAsBoolean()) {
            run.cancel();
            end();
            return;
        }
        events.onPiece(index, piece).forEach(this::send);
    }

    @Override
    public void onChoiceFinished(int index, GenerationResult result) {
        send(events.onChoiceFinished(index, result));
    }

    @Override
    public void onAllFinished() {
        events.onAllFinished().forEach(this::send);
        send(AnswerEvents.DONE);
        end();
    }

    @Override
    public void onFailed(ApiException failure) {
        if (begun.complete(Optional.of(failure))) {
            // The answer has the failure's own status.
            return;
        }
        // No [DONE]: a client must not take what it has for the whole answer.
        send(failure.body());
        end();
    }

    private void send(JsonObject event) {
        send(HttpReply.GSON.toJson(event));
    }

    private void send(String event) {
        waiting.add(("data: " + event + "\n\n").getBytes(StandardCharsets.UTF_8));
        boolean unused = begun.complete(Optional.empty());
        flush();
    }

    private void end() {
        ended = true;
        flush();
    }

    @SuppressWarnings("NullAway") // DJL's way to say that there is no more.
    private void flush() {
        if (subscriber == null) {
            return;
        }
        for (byte[] bytes; (bytes = waiting.poll()) != null; ) {
            subscriber.accept(bytes);
        }
        if (ended && sent.complete(null)) {
            subscriber.accept(null);
        }
    }
}
