// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.serving.plugins.RequestHandler;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
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
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hands each request to the plugin that wants it. One for each channel, on its event loop. */
final class Dispatcher extends SimpleChannelInboundHandler<FullHttpRequest> {

    private static final Logger logger = LoggerFactory.getLogger(Dispatcher.class);
    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    private final List<RequestHandler<?>> handlers;

    Dispatcher(List<RequestHandler<?>> handlers) {
        this.handlers = handlers;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
        boolean keepAlive = HttpUtil.isKeepAlive(request);
        try {
            if (!request.decoderResult().isSuccess()) {
                sendError(ctx, HttpResponseStatus.BAD_REQUEST, "not HTTP", false);
                return;
            }
            QueryStringDecoder uri = new QueryStringDecoder(request.uri());
            for (RequestHandler<?> handler : handlers) {
                if (handler.acceptInboundMessage(request)) {
                    String[] segments = uri.path().split("/", 0);
                    send(ctx, handler.handleRequest(ctx, request, uri, segments), keepAlive);
                    return;
                }
            }
            sendError(ctx, HttpResponseStatus.NOT_FOUND, "no such path: " + uri.path(), keepAlive);
        } catch (IllegalArgumentException cause) {
            sendError(ctx, HttpResponseStatus.BAD_REQUEST, "bad URI: " + request.uri(), keepAlive);
        } catch (RuntimeException defect) {
            fail(ctx, defect);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        // Most often a client that reset its connection.
        logger.debug("channel={} closed", ctx.channel(), cause);
        ChannelFuture unused = ctx.close();
    }

    /** What a body that is too large gets; the connection can't be used any more. */
    static void sendTooLarge(ChannelHandlerContext ctx, HttpMessage request, int limit) {
        sendError(
                ctx,
                HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                "content-length=%s; expected at most %d bytes"
                        .formatted(
                                request.headers().get(HttpHeaderNames.CONTENT_LENGTH, "unknown"),
                                limit),
                false);
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
        sendError(
                ctx,
                HttpResponseStatus.INTERNAL_SERVER_ERROR,
                "a plugin failed; see the server's log",
                false);
    }

    private static void sendError(
            ChannelHandlerContext ctx,
            HttpResponseStatus status,
            String message,
            boolean keepAlive) {
        JsonObject error = new JsonObject();
        error.addProperty("message", message);
        error.addProperty("type", status.code() < 500 ? "invalid_request_error" : "internal_error");
        error.addProperty("param", (String) null);
        error.addProperty("code", status.reasonPhrase().toLowerCase(Locale.ROOT).replace(' ', '_'));
        JsonObject body = new JsonObject();
        body.add("error", error);
        json(ctx, status, body, keepAlive);
    }

    private static void json(
            ChannelHandlerContext ctx, HttpResponseStatus status, Object body, boolean keepAlive) {
        ByteBuf content =
                Unpooled.wrappedBuffer(GSON.toJson(body).getBytes(StandardCharsets.UTF_8));
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, content);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
        HttpUtil.setContentLength(response, content.readableBytes());
        HttpUtil.setKeepAlive(response, keepAlive);
        ctx.writeAndFlush(response)
                .addListener(
                        keepAlive
                                ? ChannelFutureListener.CLOSE_ON_FAILURE
                                : ChannelFutureListener.CLOSE);
    }
}
