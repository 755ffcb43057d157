// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.http.answer.AnswerChoices;
import io.kvlink.djl.http.answer.AnswerEvents;
import io.kvlink.djl.http.answer.AnswerJson;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.answer.Defects;
import io.kvlink.djl.http.answer.StatsJson;
import io.kvlink.djl.http.answer.TokenPiece;
import io.kvlink.djl.http.parse.Endpoint;
import io.kvlink.http.FairTasks;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * One completion request, from its body to the last byte of its answer. On the channel's event loop
 * only, but for the preparation, which is offloaded and touches none of the state here.
 */
final class CompletionExchange implements CompletionRun.Sink {

    private enum State {
        /** The body is being parsed and tokenised. */
        PREPARING,
        /** Submitted; nothing is written yet, so a failure can still have its own status. */
        GENERATING,
        /** The head of the stream is written. */
        STREAMING,
        /** Answered, failed, or the client left. */
        ENDED;

        Set<State> next() {
            return switch (this) {
                case PREPARING -> EnumSet.of(GENERATING, ENDED);
                case GENERATING -> EnumSet.of(STREAMING, ENDED);
                case STREAMING -> EnumSet.of(ENDED);
                case ENDED -> EnumSet.noneOf(State.class);
            };
        }
    }

    /** Parts of the surface that all requests share. */
    record Shared(CompletionPreparer preparer, FairTasks tasks) {}

    /**
     * The request as its head tells it.
     *
     * @param client whose turn it is among those whose bodies wait
     * @param createdSeconds when the request came, in seconds since 1970
     * @param stats whether the answer says where the work was done
     */
    record Asked(
            Endpoint endpoint,
            String requestId,
            String client,
            long createdSeconds,
            boolean stats) {}

    private final Shared shared;
    private final Channel channel;
    private final HttpReply reply;
    private final Asked asked;
    private final ChannelFutureListener onClosed = closed -> onClientLeft();

    private State state = State.PREPARING;
    private @Nullable Generating generating;

    /** Parts of a request that has been submitted. */
    private record Generating(
            CompletionRun run,
            AnswerJson json,
            AnswerChoices answer,
            AnswerEvents events,
            PreparedCompletion prepared) {}

    CompletionExchange(Shared shared, Channel channel, HttpReply reply, Asked asked) {
        this.shared = shared;
        this.channel = channel;
        this.reply = reply;
        this.asked = asked;
    }

    /** Begins; takes over the body, and releases it. */
    void takeBody(ByteBuf body) {
        channel.closeFuture().addListener(onClosed);
        boolean taken =
                shared.tasks().offer(asked.client(), body.readableBytes(), () -> prepare(body));
        if (!taken) {
            body.release();
            onFailed(ApiException.overloaded("too many requests wait to be read; try again later"));
        }
    }

    /** Prepares the request. Runs on a thread of {@link FairTasks}. */
    private void prepare(ByteBuf body) {
        int length = body.readableBytes();
        try (ByteBufInputStream bytes = new ByteBufInputStream(body, true)) {
            PreparedCompletion prepared =
                    shared.preparer().prepare(asked.endpoint(), bytes, length, asked.requestId());
            post(() -> onPrepared(prepared));
        } catch (ApiException failure) {
            post(() -> onFailed(failure));
        } catch (Throwable defect) {
            ApiException failure = Defects.report(asked.requestId(), defect);
            post(() -> onFailed(failure));
        }
    }

    private void post(Runnable event) {
        try {
            channel.eventLoop().execute(event);
        } catch (RejectedExecutionException gone) {
            // The event loop has shut down, and with it the client's channel.
            return;
        }
    }

    private void onPrepared(PreparedCompletion prepared) {
        if (state == State.ENDED) {
            return;
        }
        move(State.GENERATING);
        CompletionRun run = new CompletionRun(prepared, channel.eventLoop(), this);
        AnswerJson json = prepared.json(asked.requestId(), asked.createdSeconds());
        AnswerChoices answer = prepared.answer();
        generating =
                new Generating(
                        run,
                        json,
                        answer,
                        new AnswerEvents(
                                prepared.includeUsage(),
                                json,
                                answer,
                                asked.stats() ? Optional.of(asked.requestId()) : Optional.empty()),
                        prepared);
        run.start();
    }

    @Override
    public void onPiece(int index, TokenPiece piece) {
        Generating now = generating();
        if (!now.prepared().stream()) {
            now.answer().append(index, piece);
            return;
        }
        now.events().onPiece(index, piece).forEach(event -> send(now, event));
    }

    @Override
    public void onChoiceFinished(int index, GenerationResult result) {
        Generating now = generating();
        if (now.prepared().stream()) {
            send(now, now.events().onChoiceFinished(index, result));
        } else {
            now.answer().finish(index, result);
        }
    }

    @Override
    public void onAllFinished() {
        if (state == State.ENDED) {
            return;
        }
        Generating now = generating();
        if (now.prepared().stream()) {
            now.events().onAllFinished().forEach(reply::event);
            reply.event(AnswerEvents.DONE);
            end();
            reply.endEvents();
        } else {
            JsonObject body = now.json().response(now.answer());
            addStats(body, now.answer());
            end();
            reply.json(HttpResponseStatus.OK, body);
        }
    }

    @Override
    public void onFailed(ApiException failure) {
        if (state == State.ENDED) {
            return;
        }
        boolean streaming = state == State.STREAMING;
        end();
        if (streaming) {
            // No [DONE]: a client must not take what it has for the whole answer.
            reply.errorEvent(failure.body());
            reply.endEvents();
        } else {
            reply.error(failure);
        }
    }

    private void send(Generating now, JsonObject chunk) {
        if (state == State.ENDED) {
            return; // The chunk before this one was one too many.
        }
        if (state == State.GENERATING) {
            move(State.STREAMING);
            reply.beginEvents();
        }
        if (!reply.event(chunk)) {
            now.run().cancel();
            end();
            reply.abort();
        }
    }

    private void onClientLeft() {
        if (state == State.ENDED) {
            return;
        }
        end();
        if (generating != null) {
            generating.run().cancel();
        }
    }

    private void addStats(JsonObject body, AnswerChoices answer) {
        if (asked.stats()) {
            body.add("kvlink", StatsJson.of(answer.results(), asked.requestId()));
        }
    }

    private Generating generating() {
        if (generating == null) {
            throw new IllegalStateException("request=" + asked.requestId() + " state=" + state);
        }
        return generating;
    }

    private void end() {
        move(State.ENDED);
        channel.closeFuture().removeListener(onClosed);
    }

    private void move(State to) {
        if (!state.next().contains(to)) {
            throw new IllegalStateException(
                    "request=" + asked.requestId() + " from=" + state + " to=" + to);
        }
        state = to;
    }
}
