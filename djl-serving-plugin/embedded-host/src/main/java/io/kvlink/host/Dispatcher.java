// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.serving.plugins.RequestHandler;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import io.kvlink.http.HttpFault;
import io.kvlink.http.RequestTarget;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hands each request to the plugin that wants it. One for each channel, on its event loop. */
final class Dispatcher extends SimpleChannelInboundHandler<FullHttpRequest> {

    private static final Logger logger = LoggerFactory.getLogger(Dispatcher.class);
    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    private static final HttpFault PLUGIN_FAILED =
            new HttpFault(
                    HttpResponseStatus.INTERNAL_SERVER_ERROR,
                    "internal_server_error",
                    "a plugin failed; see the server's log");

    private static final HttpFault ENDING =
            new HttpFault(
                    HttpResponseStatus.SERVICE_UNAVAILABLE,
                    "ending",
                    "the server is ending; ask another, or again when it is back");

    private final List<RequestHandler<?>> handlers;
    private final BooleanSupplier ending;

    /**
     * Serves one channel.
     *
     * @param ending whether the server's plugins and models are being closed
     */
    Dispatcher(List<RequestHandler<?>> handlers, BooleanSupplier ending) {
        this.handlers = handlers;
        this.ending = ending;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
        boolean keepAlive = HttpUtil.isKeepAlive(request);
        try {
            RequestHandler<?> handler = handlerOf(request);
            Optional<QueryStringDecoder> uri = RequestTarget.decoded(request.uri());
            if (HttpFault.of(request).isPresent()) {
                sendError(ctx, HttpFault.of(request).get(), false);
            } else if (handler != null && uri.isPresent()) {
                String[] segments = uri.get().path().split("/", 0);
                send(ctx, handler.handleRequest(ctx, request, uri.get(), segments), keepAlive);
            } else if (request.uri().equals(RequestTarget.SERVER)
                    && request.method().equals(HttpMethod.OPTIONS)) {
                sendMethods(ctx, keepAlive);
            } else {
                HttpFault unknown =
                        uri.map(target -> noSuchPath(target.path())).orElse(HttpFault.BAD_TARGET);
                sendError(ctx, ending.getAsBoolean() ? ENDING : unknown, keepAlive);
            }
        } catch (RuntimeException defect) {
            fail(ctx, defect);
        }
    }

    private @Nullable RequestHandler<?> handlerOf(FullHttpRequest request) {
        for (RequestHandler<?> handler : handlers) {
            if (handler.acceptInboundMessage(request)) {
                return handler;
            }
        }
        return null;
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        // Most often a client that reset its connection.
        logger.debug("channel={} closed", ctx.channel(), cause);
        ChannelFuture unused = ctx.close();
    }

    private static void send(ChannelHandlerContext ctx, Object result, boolean keepAlive) {
        if (result instanceof CompletableFuture<?> future) {
            CompletableFuture<?> unused =
                    future.whenComplete(
                            (value, failure) -> {
                                if (failure == null) {
                                    json(ctx, HttpResponseStatus.OK, value, keepAlive);
                                } else {
                                    fail(ctx, failure);
                                }
                            });
        } else if (result != null) {
            json(ctx, HttpResponseStatus.OK, result, keepAlive);
        }
    }

    private static void fail(ChannelHandlerContext ctx, Throwable defect) {
        logger.error("channel={}; a plugin failed", ctx.channel(), defect);
        sendError(ctx, PLUGIN_FAILED, false);
    }

    private static HttpFault noSuchPath(String path) {
        return new HttpFault(HttpResponseStatus.NOT_FOUND, "not_found", "no such path: " + path);
    }

    private static void sendMethods(ChannelHandlerContext ctx, boolean keepAlive) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT, Unpooled.EMPTY_BUFFER);
        response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD, POST, OPTIONS");
        write(ctx, response, keepAlive);
    }

    private static void sendError(ChannelHandlerContext ctx, HttpFault fault, boolean keepAlive) {
        JsonObject error = new JsonObject();
        error.addProperty("message", fault.message());
        error.addProperty(
                "type", fault.status().code() < 500 ? "invalid_request_error" : "internal_error");
        error.addProperty("param", (String) null);
        error.addProperty("code", fault.code());
        JsonObject body = new JsonObject();
        body.add("error", error);
        json(ctx, fault.status(), body, keepAlive);
    }

    private static void json(
            ChannelHandlerContext ctx, HttpResponseStatus status, Object body, boolean keepAlive) {
        ByteBuf content =
                Unpooled.wrappedBuffer(GSON.toJson(body).getBytes(StandardCharsets.UTF_8));
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, content);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
        if (status.equals(HttpResponseStatus.SERVICE_UNAVAILABLE)) {
            response.headers().set(HttpHeaderNames.RETRY_AFTER, 1);
        }
        HttpUtil.setContentLength(response, content.readableBytes());
        write(ctx, response, keepAlive);
    }

    private static void write(
            ChannelHandlerContext ctx, FullHttpResponse response, boolean keepAlive) {
        HttpUtil.setKeepAlive(response, keepAlive);
        ctx.writeAndFlush(response)
                .addListener(
                        keepAlive
                                ? ChannelFutureListener.CLOSE_ON_FAILURE
                                : ChannelFutureListener.CLOSE);
    }
}
