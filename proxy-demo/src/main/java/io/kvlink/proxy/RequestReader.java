// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Collects a client's request, body included. A body over the limit is answered with 413 as soon as
 * that is known: from its announced length, or else at the first byte too many. The connection then
 * ends; what the client is still sending is dropped for a while, so that it can read the answer.
 *
 * <p>One per connection, on its event loop.
 */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
final class RequestReader extends SimpleChannelInboundHandler<HttpObject> {

    private static final int FIRST_BYTES = 4 * 1024;
    private static final long LINGER_BYTES = 64L << 20;
    private static final int LINGER_SECONDS = 10;
    private static final byte[] NOTHING = new byte[0];

    private enum State {
        HEAD,
        BODY,
        REFUSED
    }

    private final int limit;
    private final BufferedBytes.Share share;
    private final ProxyMetrics metrics;

    private State state = State.HEAD;
    private @Nullable HttpRequest head;
    private byte[] body = NOTHING;
    private int length;
    private long dropped;

    RequestReader(int limit, BufferedBytes.Share share, ProxyMetrics metrics) {
        this.limit = limit;
        this.share = share;
        this.metrics = metrics;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
        if (state == State.HEAD && message instanceof HttpRequest request) {
            onHead(ctx, request);
        }
        if (message instanceof HttpContent content) {
            switch (state) {
                case HEAD -> {}
                case BODY -> onContent(ctx, content);
                case REFUSED -> onDropped(ctx, content.content().readableBytes());
            }
        }
    }

    private void onHead(ChannelHandlerContext ctx, HttpRequest request) {
        head = request;
        length = 0;
        if (request.decoderResult().isFailure()) {
            complete(ctx, request, request.decoderResult());
            return;
        }
        boolean awaited = HttpUtil.is100ContinueExpected(request);
        if (awaited) {
            // Also before a refusal: without it, the client of Java 17 waits for ever for its body.
            ctx.writeAndFlush(
                    new DefaultFullHttpResponse(
                            HttpVersion.HTTP_1_1,
                            HttpResponseStatus.CONTINUE,
                            Unpooled.EMPTY_BUFFER));
        }
        long announced = HttpUtil.getContentLength(request, 0L);
        if (announced > limit) {
            refuse(ctx, tooLarge());
        } else if (awaited) {
            state = State.BODY;
        } else if (request.headers().contains(HttpHeaderNames.EXPECT)) {
            refuse(
                    ctx,
                    Replies.error(
                            HttpResponseStatus.EXPECTATION_FAILED,
                            "expectation",
                            "The only expectation met is 100-continue."));
        } else {
            state = State.BODY;
        }
    }

    private void onContent(ChannelHandlerContext ctx, HttpContent content) {
        ByteBuf piece = content.content();
        int bytes = piece.readableBytes();
        if (bytes > limit - length) {
            refuse(ctx, tooLarge());
            return;
        }
        if (!makeRoom(bytes)) {
            refuse(ctx, Replies.busy("Other requests' bodies take all of max_buffered_bytes."));
            return;
        }
        piece.readBytes(body, length, bytes);
        length += bytes;
        HttpRequest request = head;
        boolean last = content instanceof LastHttpContent || content.decoderResult().isFailure();
        if (request != null && last) {
            complete(ctx, request, content.decoderResult());
        }
    }

    /** Grows the array by doubling, never beyond the limit and never by what a head announces. */
    private boolean makeRoom(int more) {
        int needed = length + more;
        if (needed <= body.length) {
            return true;
        }
        int size = (int) Math.min(limit, Math.max(needed, Math.max(FIRST_BYTES, 2L * body.length)));
        if (!share.take(size - body.length)) {
            return false;
        }
        body = Arrays.copyOf(body, size);
        return true;
    }

    private void complete(ChannelHandlerContext ctx, HttpRequest request, DecoderResult result) {
        FullHttpRequest full =
                new DefaultFullHttpRequest(
                        request.protocolVersion(),
                        request.method(),
                        request.uri(),
                        Unpooled.wrappedBuffer(body, 0, length),
                        request.headers(),
                        request.headers());
        full.setDecoderResult(result);
        state = State.HEAD;
        forget();
        ctx.fireChannelRead(full);
    }

    // ---- refusing ----

    private FullHttpResponse tooLarge() {
        return Replies.error(
                HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                "body_too_large",
                "The body is larger than max_body_bytes=" + limit + ".");
    }

    private void refuse(ChannelHandlerContext ctx, FullHttpResponse response) {
        state = State.REFUSED;
        forget();
        share.release();
        metrics.responses
                .labelValues("refused_body", response.status().codeAsText().toString())
                .inc();
        response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        // Past the handler that would close at once: with bytes unread, TCP would then take the
        // answer back.
        ctx.pipeline()
                .context(HttpServerKeepAliveHandler.class)
                .writeAndFlush(response)
                .addListener(sent -> ((DuplexChannel) ctx.channel()).shutdownOutput());
        ctx.executor().schedule(() -> ctx.close(), LINGER_SECONDS, TimeUnit.SECONDS);
    }

    private void onDropped(ChannelHandlerContext ctx, int bytes) {
        dropped += bytes;
        if (dropped > LINGER_BYTES) {
            ctx.close();
        }
    }

    private void forget() {
        head = null;
        body = NOTHING;
        length = 0;
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        forget();
        ctx.fireChannelInactive();
    }
}
