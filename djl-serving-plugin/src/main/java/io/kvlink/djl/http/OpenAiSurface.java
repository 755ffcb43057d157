// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonElement;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.answer.Defects;
import io.kvlink.djl.http.parse.Endpoint;
import io.kvlink.http.CorsSettings;
import io.kvlink.http.FairTasks;
import io.kvlink.http.HttpFault;
import io.kvlink.http.RequestTarget;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
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
    private static final int MAX_CLIENT_CHARS = 64;
    // Whose questions about models have turns of their own.
    private static final String OPERATORS = "";

    private static final FairTasks.Room ROOM = new FairTasks.Room(512, 256L << 20);
    // Where there are two cores, one is for small bodies and for the worker.
    private static final int LARGE_THREADS = Runtime.getRuntime().availableProcessors() > 2 ? 2 : 1;
    private static final AtomicInteger THREADS = new AtomicInteger();

    private static final String READS = "GET, HEAD, OPTIONS";
    private static final String GENERATES = "POST, OPTIONS";
    private static final String ANYTHING = "GET, HEAD, POST, OPTIONS";

    private final ModelDirectory directory;
    private final FairTasks tasks;
    private final InfoEndpoints info;
    private final InstantSource clock;
    private final CorsSettings cors;
    private final Logger accessLog;

    /**
     * Makes a surface without an access log that pages of other origins can't use.
     *
     * @param directory the models
     * @param clock for {@code created}
     */
    public OpenAiSurface(ModelDirectory directory, InstantSource clock) {
        this(directory, clock, CorsSettings.NONE, NOPLogger.NOP_LOGGER);
    }

    /**
     * Makes a surface; it has no thread until there is work.
     *
     * @param directory the models
     * @param clock for {@code created}
     * @param cors for pages of other origins
     * @param accessLog gets a line for each request, as DJL Serving writes it
     */
    public OpenAiSurface(
            ModelDirectory directory, InstantSource clock, CorsSettings cors, Logger accessLog) {
        this.directory = directory;
        this.clock = clock;
        this.cors = cors;
        this.accessLog = accessLog;
        tasks = new FairTasks(ROOM, LARGE_THREADS, OpenAiSurface::thread);
        info =
                new InfoEndpoints(
                        directory,
                        new CompletionPreparer(directory),
                        clock.instant().getEpochSecond());
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "kv-http-" + THREADS.getAndIncrement());
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Says whether a request is for this surface. Cheap: a host asks more than once a request. As
     * long as there is no model, the paths that other plugins may want aren't taken.
     *
     * @param uri the request's, with or without a query
     */
    public boolean accepts(String uri) {
        return serves(path(uri));
    }

    private boolean serves(String path) {
        return path.equals(STATUS) || (!directory.models().isEmpty() && !methods(path).isEmpty());
    }

    /** An escape that is none is refused later, with a reason. */
    private static String path(String uri) {
        return RequestTarget.decoded(uri)
                .map(QueryStringDecoder::path)
                .orElseGet(() -> RequestTarget.plain(uri).split("\\?", 2)[0]);
    }

    /** The methods of a path; empty if there is no such path. */
    private static String methods(String path) {
        if (endpoint(path).isPresent()) {
            return GENERATES;
        }
        return switch (path) {
            case STATUS, MODELS, HEALTH, LIVE, READY, METRICS -> READS;
            default -> path.startsWith(MODELS + "/") ? READS : "";
        };
    }

    /** True if a request of that URI asks a model for an answer. */
    public static boolean generates(String uri) {
        return endpoint(path(uri)).isPresent();
    }

    /** True if a request of that URI asks for a chat's answer. */
    public static boolean isChat(String uri) {
        return path(uri).equals(Endpoint.CHAT.path());
    }

    /** True if other plugins may want that URI too, since it speaks of the whole process. */
    public static boolean isOfTheProcess(String uri) {
        return switch (path(uri)) {
            case HEALTH, LIVE, READY, METRICS -> true;
            default -> false;
        };
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
        tasks.close();
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
        HttpReply reply = new HttpReply(ctx, request, cors, id, whenDone);
        reply.logTo(line);
        try {
            check(request, given);
            if (request.uri().equals(RequestTarget.SERVER)
                    && request.method().equals(HttpMethod.OPTIONS)) {
                reply.options(ANYTHING);
                return;
            }
            QueryStringDecoder uri =
                    RequestTarget.decoded(request.uri())
                            .orElseThrow(() -> ApiException.of(HttpFault.BAD_TARGET));
            requireMethod(
                    request,
                    reply,
                    allowed(uri.path()),
                    () -> serve(ctx, request, body, models, reply, id, uri));
        } catch (ApiException failure) {
            reply.error(failure);
        } finally {
            body.release();
        }
    }

    private String allowed(String path) {
        if (serves(path)) {
            return methods(path);
        }
        throw new ApiException(
                HttpResponseStatus.NOT_FOUND,
                "invalid_request_error",
                null,
                "not_found",
                "no such path, or no KvLink model is loaded");
    }

    private void serve(
            ChannelHandlerContext ctx,
            HttpRequest request,
            ByteBuf body,
            ModelDirectory models,
            HttpReply reply,
            String id,
            QueryStringDecoder uri) {
        Optional<Endpoint> endpoint = endpoint(uri.path());
        if (endpoint.isEmpty()) {
            inform(ctx, reply, id, uri);
            return;
        }
        CompletionExchange.Asked asked =
                new CompletionExchange.Asked(
                        endpoint.get(),
                        id,
                        client(ctx, request),
                        clock.instant().getEpochSecond(),
                        "1".equals(request.headers().get("X-KvLink-Stats")));
        complete(ctx, reply, asked, models, body.retain());
    }

    /** Name of the client among those who take turns; the proxy says whom it asks for. */
    private static String client(ChannelHandlerContext ctx, HttpRequest request) {
        String told = request.headers().get("X-KvLink-Client", "");
        if (!told.isEmpty() && told.length() <= MAX_CLIENT_CHARS) {
            return told;
        }
        return ctx.channel().remoteAddress() instanceof InetSocketAddress address
                ? address.getAddress().getHostAddress()
                : "local";
    }

    private static void check(HttpRequest request, String id) {
        HttpFault.of(request)
                .ifPresent(
                        fault -> {
                            throw ApiException.of(fault);
                        });
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
        HttpMethod method = request.method();
        if (method.equals(HttpMethod.OPTIONS)) {
            reply.options(allowed);
            return;
        }
        if (List.of(allowed.split(", ", 0)).contains(method.name())) {
            then.run();
            return;
        }
        reply.error(
                new ApiException(
                        HttpResponseStatus.METHOD_NOT_ALLOWED,
                        "invalid_request_error",
                        null,
                        "method_not_allowed",
                        "method=%s; expected %s"
                                .formatted(ApiException.shown(method.name()), allowed)),
                allowed);
    }

    private void complete(
            ChannelHandlerContext ctx,
            HttpReply reply,
            CompletionExchange.Asked asked,
            ModelDirectory models,
            ByteBuf body) {
        new CompletionExchange(
                        new CompletionExchange.Shared(new CompletionPreparer(models), tasks),
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
                tasks.offer(
                        OPERATORS,
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
