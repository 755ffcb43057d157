// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Collects a request, body included, and hands it on whole, with its target made {@linkplain
 * RequestTarget#plain plain}. A request that can't be read is handed on, too, as soon as that is
 * known and the requests before it are answered. Its decoder result has failed, {@link
 * HttpFault#of} says why, and whoever answers closes the channel. The channel stays half open for a
 * while then, so that the client can read the answer. Bytes that the client still sends are
 * dropped.
 *
 * <p>One per connection, on its event loop.
 */
public final class RequestCollector extends ChannelDuplexHandler {

    private static final int FIRST_BYTES = 4 * 1024;
    private static final long LINGER_BYTES = 256L << 20;
    private static final int LINGER_SECONDS = 10;
    private static final byte[] NOTHING = new byte[0];

    private enum State {
        HEAD,
        BODY,
        /** Handed on as a fault; whatever comes is dropped. */
        REFUSED,
        /** The answer to the fault is sent. */
        LINGERING
    }

    private final BodyLimit limit;

    private State state = State.HEAD;
    private @Nullable HttpRequest head;
    private byte[] body = NOTHING;
    private int length;
    private long dropped;
    // Requests handed on whose answers aren't written.
    private int unanswered;
    // Waits for those answers: two answers must not mix.
    private @Nullable FullHttpRequest fault;

    /** Serves one connection. */
    public RequestCollector(BodyLimit limit) {
        this.limit = limit;
    }

    /** {@inheritDoc} */
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (message instanceof HttpObject part) {
                onPart(ctx, part);
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    private void onPart(ChannelHandlerContext ctx, HttpObject part) {
        if (state == State.HEAD && part instanceof HttpRequest request) {
            onHead(ctx, request);
        }
        if (part instanceof HttpContent content) {
            switch (state) {
                case HEAD -> {}
                case BODY -> onContent(ctx, content);
                case REFUSED, LINGERING -> onDropped(ctx, content.content().readableBytes());
            }
        }
    }

    private void onHead(ChannelHandlerContext ctx, HttpRequest request) {
        head = request;
        length = 0;
        if (request.decoderResult().isFailure()) {
            refuse(ctx, request.decoderResult());
            return;
        }
        if (HttpUtil.is100ContinueExpected(request)) {
            // Also before a refusal: without it, the client of Java 17 waits for ever for its body.
            ChannelFuture unused =
                    ctx.writeAndFlush(
                            new DefaultFullHttpResponse(
                                    HttpVersion.HTTP_1_1,
                                    HttpResponseStatus.CONTINUE,
                                    Unpooled.EMPTY_BUFFER));
        }
        Optional<HttpFault> fault = HttpFault.ofHead(request);
        if (fault.isPresent()) {
            refuse(ctx, fault.get());
        } else if (HttpUtil.getContentLength(request, 0L) > limit.bytes()) {
            refuse(ctx, limit.tooLarge());
        } else {
            state = State.BODY;
        }
    }

    private void onContent(ChannelHandlerContext ctx, HttpContent content) {
        int bytes = content.content().readableBytes();
        if (content.decoderResult().isFailure()) {
            refuse(ctx, content.decoderResult());
        } else if (bytes > limit.bytes() - length) {
            refuse(ctx, limit.tooLarge());
        } else if (!makeRoom(bytes)) {
            refuse(ctx, limit.noRoom());
        } else {
            content.content().readBytes(body, length, bytes);
            length += bytes;
            if (content instanceof LastHttpContent) {
                state = State.HEAD;
                hand(ctx, DecoderResult.SUCCESS);
            }
        }
    }

    /** Grows the array by doubling, never beyond the limit and never by what a head announces. */
    private boolean makeRoom(int more) {
        int needed = length + more;
        if (needed <= body.length) {
            return true;
        }
        long wanted = Math.max(needed, Math.max(FIRST_BYTES, 2L * body.length));
        int size = (int) Math.min(limit.bytes(), wanted);
        if (!limit.take(size - body.length)) {
            return false;
        }
        body = Arrays.copyOf(body, size);
        return true;
    }

    private void refuse(ChannelHandlerContext ctx, HttpFault fault) {
        refuse(ctx, DecoderResult.failure(new HttpFault.RefusedException(fault)));
    }

    private void refuse(ChannelHandlerContext ctx, DecoderResult result) {
        state = State.REFUSED;
        body = NOTHING;
        length = 0;
        limit.giveBack();
        hand(ctx, result);
    }

    private void hand(ChannelHandlerContext ctx, DecoderResult result) {
        HttpRequest request = head;
        if (request == null) {
            throw new IllegalStateException("state=" + state + " without a head");
        }
        FullHttpRequest whole =
                new DefaultFullHttpRequest(
                        request.protocolVersion(),
                        request.method(),
                        RequestTarget.plain(request.uri()),
                        Unpooled.wrappedBuffer(body, 0, length),
                        request.headers(),
                        request.headers());
        whole.setDecoderResult(result);
        forget();
        if (result.isFailure() && unanswered > 0) {
            fault = whole;
            return;
        }
        unanswered++;
        ctx.fireChannelRead(whole);
    }

    /** {@inheritDoc} */
    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        ChannelFuture unused = ctx.write(message, promise);
        if (message instanceof LastHttpContent) {
            unanswered--;
            FullHttpRequest next = fault;
            if (unanswered == 0 && next != null) {
                fault = null;
                unanswered++;
                ctx.fireChannelRead(next);
            }
        }
    }

    // ---- lingering ----

    /**
     * Closes a connection; after a refused request only the half that the client reads is closed at
     * once.
     */
    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        if (state != State.REFUSED || !(ctx.channel() instanceof DuplexChannel channel)) {
            ChannelFuture unused = ctx.close(promise);
            return;
        }
        state = State.LINGERING;
        Future<?> unusedTimer =
                ctx.executor()
                        .schedule(
                                () -> {
                                    ChannelFuture unused = ctx.close(promise);
                                },
                                LINGER_SECONDS,
                                TimeUnit.SECONDS);
        ChannelFuture unused = channel.shutdownOutput();
    }

    private void onDropped(ChannelHandlerContext ctx, int bytes) {
        dropped += bytes;
        if (dropped > Math.max(LINGER_BYTES, 2L * limit.bytes())) {
            ChannelFuture unused = ctx.close();
        }
    }

    private void forget() {
        head = null;
        body = NOTHING;
        length = 0;
    }

    /** {@inheritDoc} */
    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        forget();
        ctx.fireChannelInactive();
    }
}
