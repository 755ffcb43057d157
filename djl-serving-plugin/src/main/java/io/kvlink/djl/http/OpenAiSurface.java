// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonElement;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.helpers.NOPLogger;

/**
 * Answers the HTTP requests of OpenAI's clients, of Prometheus and of operators. {@link #answer} is
 * called on the channel's event loop and returns at once.
 */
public final class OpenAiSurface implements AutoCloseable {

    private static final String MODELS = "/v1/models";
    private static final String HEALTH = "/health";
    private static final String LIVE = "/health/live";
    private static final String READY = "/health/ready";
    private static final String METRICS = "/metrics";
    private static final String STATUS = "/kvlink/status";
    private static final int MAX_ID_CHARS = 4096;

    private final ModelDirectory directory;
    private final Offload offload = new Offload();
    private final InfoEndpoints info;
    private final InstantSource clock;
    private final Logger accessLog;

    /**
     * Makes a surface without an access log.
     *
     * @param directory the models
     * @param clock for {@code created}
     */
    public OpenAiSurface(ModelDirectory directory, InstantSource clock) {
        this(directory, clock, NOPLogger.NOP_LOGGER);
    }

    /**
     * Makes a surface; it has no thread until there is work.
     *
     * @param directory the models
     * @param clock for {@code created}
     * @param accessLog gets a line for each request, as DJL Serving writes it
     */
    public OpenAiSurface(ModelDirectory directory, InstantSource clock, Logger accessLog) {
        this.directory = directory;
        this.clock = clock;
        this.accessLog = accessLog;
        info =
                new InfoEndpoints(
                        directory,
                        new CompletionPreparer(directory),
                        clock.instant().getEpochSecond());
    }

    /**
     * Says whether a request is for this surface. Cheap: a host asks more than once a request. As
     * long as there is no model, the paths that other plugins may want aren't taken.
     *
     * @param uri the request's, with or without a query
     */
    public boolean accepts(String uri) {
        String path = path(uri);
        return switch (path) {
            case STATUS -> true;
            case MODELS, HEALTH, LIVE, READY, METRICS -> !directory.models().isEmpty();
            default ->
                    (endpoint(path).isPresent() || path.startsWith(MODELS + "/"))
                            && !directory.models().isEmpty();
        };
    }

    /** Whether a request of that URI asks a model for an answer. */
    public static boolean generates(String uri) {
        return endpoint(path(uri)).isPresent();
    }

    /** Whether it asks for a chat's. */
    public static boolean isChat(String uri) {
        return path(uri).equals(Endpoint.CHAT.path());
    }

    /** Whether other plugins may want that URI too, since it speaks of the whole process. */
    public static boolean isOfTheProcess(String uri) {
        return switch (path(uri)) {
            case HEALTH, LIVE, READY, METRICS -> true;
            default -> false;
        };
    }

    private static String path(String uri) {
        int query = uri.indexOf('?');
        return query < 0 ? uri : uri.substring(0, query);
    }

    private static Optional<Endpoint> endpoint(String path) {
        return Arrays.stream(Endpoint.values())
                .filter(endpoint -> endpoint.path().equals(path))
                .findFirst();
    }

    /**
     * Answers a request on its channel, now or when those before it are answered.
     *
     * @param ctx of the channel, on its event loop
     * @param request borrowed until this returns
     */
    public void answer(ChannelHandlerContext ctx, FullHttpRequest request) {
        RequestOrder order = RequestOrder.of(ctx.channel());
        ByteBuf body = request.content().retain();
        // Asked now, while the host's verdict on the request is fresh.
        ModelDirectory models = directory.of(request);
        AccessLine line = new AccessLine(accessLog, clock, ctx.channel(), request);
        order.add(
                new RequestOrder.Turn() {
                    @Override
                    public void begin() {
                        dispatch(ctx, request, line, models, body, order::done);
                    }

                    @Override
                    public void drop() {
                        body.release();
                    }
                });
    }

    /** Ends the surface's threads; requests that haven't been submitted get no answer. */
    @Override
    public void close() {
        offload.close();
    }

    /** Owns the body from here on. */
    private void dispatch(
            ChannelHandlerContext ctx,
            HttpRequest request,
            AccessLine line,
            ModelDirectory models,
            ByteBuf body,
            Runnable whenDone) {
        String given = request.headers().get("X-Request-Id", "");
        String id = isPrintable(given) ? given : UUID.randomUUID().toString().replace("-", "");
        HttpReply reply = new HttpReply(ctx, request, id, whenDone);
        reply.logTo(line);
        try {
            check(request, given);
            QueryStringDecoder uri = new QueryStringDecoder(request.uri());
            Optional<Endpoint> endpoint = endpoint(uri.path());
            if (endpoint.isPresent()) {
                CompletionExchange.Asked asked =
                        new CompletionExchange.Asked(
                                endpoint.get(),
                                id,
                                clock.instant().getEpochSecond(),
                                "1".equals(request.headers().get("X-KvLink-Stats")));
                requireMethod(
                        request,
                        reply,
                        "POST",
                        () -> complete(ctx, reply, asked, models, body.retain()));
            } else {
                requireMethod(request, reply, "GET, HEAD", () -> inform(ctx, reply, id, uri));
            }
        } catch (ApiException failure) {
            reply.error(failure);
        } catch (IllegalArgumentException cause) {
            reply.error(ApiException.invalid(null, null, "uri: " + cause.getMessage()));
        } finally {
            body.release();
        }
    }

    private static void check(HttpRequest request, String id) {
        if (!request.decoderResult().isSuccess()) {
            throw ApiException.invalid(
                    null, null, "not HTTP: " + request.decoderResult().cause().getMessage());
        }
        if (!id.isEmpty() && !isPrintable(id)) {
            throw ApiException.invalid(
                    "X-Request-Id",
                    null,
                    "X-Request-Id has %d characters; expected at most %d, all printable ASCII"
                            .formatted(id.length(), MAX_ID_CHARS));
        }
    }

    /** An id travels into logs, headers and peers, so it holds nothing that any of them reads. */
    private static boolean isPrintable(String id) {
        return !id.isEmpty()
                && id.length() <= MAX_ID_CHARS
                && id.chars().allMatch(c -> c > ' ' && c < 0x7f);
    }

    private static void requireMethod(
            HttpRequest request, HttpReply reply, String allowed, Runnable then) {
        if (List.of(allowed.split(", ")).contains(request.method().name())) {
            then.run();
            return;
        }
        reply.error(
                new ApiException(
                        HttpResponseStatus.METHOD_NOT_ALLOWED,
                        "invalid_request_error",
                        null,
                        "method_not_allowed",
                        "method=" + request.method() + "; expected " + allowed),
                allowed);
    }

    private void complete(
            ChannelHandlerContext ctx,
            HttpReply reply,
            CompletionExchange.Asked asked,
            ModelDirectory models,
            ByteBuf body) {
        new CompletionExchange(
                        new CompletionExchange.Shared(new CompletionPreparer(models), offload),
                        ctx.channel(),
                        reply,
                        asked)
                .takeBody(body);
    }

    private void inform(
            ChannelHandlerContext ctx, HttpReply reply, String id, QueryStringDecoder uri) {
        String path = uri.path();
        switch (path) {
            // Answered here, so that it answers however much there is to do elsewhere.
            case HEALTH, READY -> verdict(reply, info.whyNotReady());
            case LIVE -> verdict(reply, info.whyNotLive());
            case STATUS -> offload(ctx, reply, id, () -> json(info.status()));
            case MODELS -> offload(ctx, reply, id, () -> json(info.models()));
            case METRICS -> {
                List<String> name = uri.parameters().getOrDefault("model", List.of());
                offload(ctx, reply, id, () -> metrics(info.metrics(name)));
            }
            default -> {
                String name = path.substring(Math.min(path.length(), MODELS.length() + 1));
                offload(ctx, reply, id, () -> json(info.model(name)));
            }
        }
    }

    private static void verdict(HttpReply reply, List<String> reasons) {
        reply.json(
                reasons.isEmpty() ? HttpResponseStatus.OK : HttpResponseStatus.SERVICE_UNAVAILABLE,
                InfoEndpoints.health(reasons));
    }

    private static Consumer<HttpReply> json(JsonElement body) {
        return reply -> reply.json(HttpResponseStatus.OK, body);
    }

    private static Consumer<HttpReply> metrics(byte[] text) {
        return reply -> reply.text(PrometheusTextFormatWriter.CONTENT_TYPE, text);
    }

    /** Asks the worker elsewhere, and answers here. */
    private void offload(
            ChannelHandlerContext ctx,
            HttpReply reply,
            String id,
            Supplier<Consumer<HttpReply>> work) {
        boolean taken =
                offload.offer(
                        0,
                        () -> {
                            Consumer<HttpReply> answer = outcome(id, work);
                            try {
                                ctx.channel().eventLoop().execute(() -> answer.accept(reply));
                            } catch (RejectedExecutionException gone) {
                                // The event loop has shut down, and with it the channel.
                                return;
                            }
                        });
        if (!taken) {
            reply.error(ApiException.overloaded("too many requests wait; try again later"));
        }
    }

    private static Consumer<HttpReply> outcome(String id, Supplier<Consumer<HttpReply>> work) {
        try {
            return work.get();
        } catch (ApiException failure) {
            return reply -> reply.error(failure);
        } catch (RuntimeException defect) {
            ApiException failure = Defects.report(id, defect);
            return reply -> reply.error(failure);
        }
    }
}
