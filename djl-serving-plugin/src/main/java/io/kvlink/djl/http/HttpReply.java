// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.answer.ClientText;
import io.kvlink.http.CorsSettings;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** One HTTP response on its way out. On the channel's event loop only. */
final class HttpReply {

    /**
     * Most bytes of a stream that may wait for a client to read them, beside what the kernel holds.
     */
    static final int MAX_PENDING_BYTES = 1 << 20;

    static final Gson GSON = new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    private final ChannelHandlerContext ctx;
    private final HttpRequest request;
    private final CorsSettings cors;
    private final String requestId;
    private final boolean http11;
    private final boolean keepAlive;
    private final Runnable whenDone;

    private int pendingBytes;
    private @Nullable AccessLine line;

    /**
     * Makes a response that hasn't begun.
     *
     * @param ctx where to write it
     * @param request what it answers
     * @param cors for pages of other origins
     * @param requestId sent back as {@code X-Request-Id}, less its addresses
     * @param whenDone called when the channel may carry the next response
     */
    HttpReply(
            ChannelHandlerContext ctx,
            HttpRequest request,
            CorsSettings cors,
            String requestId,
            Runnable whenDone) {
        this.ctx = ctx;
        this.request = request;
        this.cors = cors;
        this.requestId = ClientText.id(requestId);
        this.http11 = request.protocolVersion().compareTo(HttpVersion.HTTP_1_1) >= 0;
        this.keepAlive =
                http11 && HttpUtil.isKeepAlive(request) && request.decoderResult().isSuccess();
        this.whenDone = whenDone;
    }

    /** Writes a line when the answer's head goes out. */
    void logTo(AccessLine access) {
        line = access;
    }

    private void log(HttpResponseStatus status) {
        if (line != null) {
            line.answered(status.code());
        }
    }

    void json(HttpResponseStatus status, JsonElement body) {
        finish(response(status, "application/json", bytes(GSON.toJson(body))));
    }

    void text(String contentType, byte[] body) {
        finish(response(HttpResponseStatus.OK, contentType, Unpooled.wrappedBuffer(body)));
    }

    void error(ApiException failure) {
        error(failure, "");
    }

    /** An error; {@code allow} names the methods there are, if the method was what was wrong. */
    void error(ApiException failure, String allow) {
        FullHttpResponse response =
                response(failure.status(), "application/json", bytes(GSON.toJson(failure.body())));
        if (failure.retryable()) {
            response.headers().set(HttpHeaderNames.RETRY_AFTER, "1");
        }
        if (failure.status().equals(HttpResponseStatus.GATEWAY_TIMEOUT)) {
            // OpenAI's clients would ask again, which takes as long again.
            response.headers().set("X-Should-Retry", "false");
        }
        if (!allow.isEmpty()) {
            response.headers().set(HttpHeaderNames.ALLOW, allow);
        }
        finish(response);
    }

    /**
     * Says which methods there are: to a program that asks, or to a browser on behalf of a page.
     */
    void options(String allow) {
        FullHttpResponse response =
                response(HttpResponseStatus.NO_CONTENT, "text/plain", Unpooled.EMPTY_BUFFER);
        response.headers().remove(HttpHeaderNames.CONTENT_TYPE).set(HttpHeaderNames.ALLOW, allow);
        finish(response);
    }

    /** Sends the head of a stream of server-sent events. */
    void beginEvents() {
        HttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        setHeaders(head.headers(), "text/event-stream; charset=utf-8");
        // An HTTP/1.0 client doesn't know chunks: its stream ends with the connection.
        HttpUtil.setTransferEncodingChunked(head, http11);
        log(HttpResponseStatus.OK);
        ctx.write(head).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
    }

    /**
     * Sends one event.
     *
     * @return false if the client has fallen behind too far; the event is queued even so
     */
    boolean event(JsonElement data) {
        return event(GSON.toJson(data));
    }

    boolean event(String data) {
        return send("data: " + data + "\n\n");
    }

    /** Sends an error; some clients know it by its type only, others by its data. */
    void errorEvent(JsonElement data) {
        send("event: error\ndata: " + GSON.toJson(data) + "\n\n");
    }

    private boolean send(String event) {
        ByteBuf bytes = bytes(event);
        int size = bytes.readableBytes();
        pendingBytes += size;
        ctx.writeAndFlush(new DefaultHttpContent(bytes))
                .addListener(written -> pendingBytes -= size);
        return pendingBytes <= MAX_PENDING_BYTES;
    }

    void endEvents() {
        finish(LastHttpContent.EMPTY_LAST_CONTENT);
    }

    /** Closes the channel at once; what waits to be written is dropped. */
    void abort() {
        ChannelFuture unused = ctx.close();
    }

    private FullHttpResponse response(HttpResponseStatus status, String contentType, ByteBuf body) {
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
        setHeaders(response.headers(), contentType);
        HttpUtil.setContentLength(response, body.readableBytes());
        log(status);
        return response;
    }

    private void setHeaders(HttpHeaders headers, String contentType) {
        headers.set(HttpHeaderNames.CONTENT_TYPE, contentType)
                .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_CACHE)
                .set("X-Request-Id", requestId)
                .set(
                        HttpHeaderNames.CONNECTION,
                        keepAlive ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
        cors.answer(headers, request);
    }

    private void finish(Object last) {
        if (keepAlive) {
            ctx.writeAndFlush(last).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
            whenDone.run();
        } else {
            ctx.writeAndFlush(last).addListener(ChannelFutureListener.CLOSE);
        }
    }

    private static ByteBuf bytes(String text) {
        return Unpooled.wrappedBuffer(text.getBytes(StandardCharsets.UTF_8));
    }
}
