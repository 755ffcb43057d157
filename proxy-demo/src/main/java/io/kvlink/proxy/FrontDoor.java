// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.timeout.IdleStateEvent;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Decides by its path who answers a client's request. One per connection, on its event loop. */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
final class FrontDoor extends SimpleChannelInboundHandler<FullHttpRequest> {

    private static final Logger LOG = LoggerFactory.getLogger(FrontDoor.class);

    private final ProxyParts parts;
    private final StatusPages pages;

    // The request being served; a connection has one at a time.
    private @Nullable Exchange current;
    private boolean closeAfter;

    FrontDoor(ProxyParts parts) {
        this.parts = parts;
        this.pages = new StatusPages(parts);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest message) {
        if (current != null) {
            // Sent before the last answer was complete. Closing after that answer tells the client,
            // by HTTP's rules, that this one was not served.
            closeAfter = true;
            return;
        }
        String path = new QueryStringDecoder(message.uri()).path();
        if (message.decoderResult().isFailure()) {
            closeAfter = true;
            answer(ctx, message, "malformed", badRequest("malformed_request", "No HTTP request."));
            closeIfDue(ctx);
            return;
        }
        switch (path) {
            case "/v1/completions", "/v1/chat/completions" -> {
                if (allowed(ctx, message, path, HttpMethod.POST)) {
                    generate(ctx, message, path);
                }
            }
            case "/v1/models" -> {
                if (allowed(ctx, message, path, HttpMethod.GET)) {
                    exchange(ctx, message, path, null);
                }
            }
            case "/health", "/instances", "/kvlink/status", "/metrics" -> {
                if (allowed(ctx, message, path, HttpMethod.GET)) {
                    answer(ctx, message, path, pages.of(path));
                }
            }
            default -> answer(ctx, message, "other", notFound(path));
        }
    }

    private boolean allowed(
            ChannelHandlerContext ctx, FullHttpRequest message, String path, HttpMethod method) {
        if (message.method().equals(method)) {
            return true;
        }
        FullHttpResponse response =
                Replies.error(
                        HttpResponseStatus.METHOD_NOT_ALLOWED,
                        "method_not_allowed",
                        path + " takes " + method + ".");
        response.headers().set(HttpHeaderNames.ALLOW, method.name());
        answer(ctx, message, path, response);
        return false;
    }

    private void generate(ChannelHandlerContext ctx, FullHttpRequest message, String path) {
        ClientRequest request = ClientRequest.of(message);
        try {
            byte[] prefillBody = PrefillBody.of(request.body().bytes());
            exchange(ctx, message, path, prefillBody);
        } catch (PrefillBody.NotAnObjectException refused) {
            String reason = String.valueOf(refused.getMessage());
            answer(ctx, message, path, badRequest("invalid_json", reason));
        }
    }

    private void exchange(
            ChannelHandlerContext ctx,
            FullHttpRequest message,
            String path,
            byte @Nullable [] prefillBody) {
        parts.metrics().inFlight.inc();
        Exchange exchange =
                new Exchange(
                        parts,
                        ctx.channel().eventLoop(),
                        ClientRequest.of(message),
                        prefillBody,
                        reply(ctx, message, path),
                        () -> onDone(ctx));
        current = exchange;
        exchange.start();
    }

    private void onDone(ChannelHandlerContext ctx) {
        parts.metrics().inFlight.dec();
        current = null;
        closeIfDue(ctx);
    }

    private void closeIfDue(ChannelHandlerContext ctx) {
        if (closeAfter) {
            // Queued behind the answer's last bytes.
            ctx.close();
        }
    }

    private void answer(
            ChannelHandlerContext ctx,
            FullHttpRequest message,
            String path,
            FullHttpResponse response) {
        reply(ctx, message, path).whole(response, parts.clock().getAsLong());
    }

    private ClientReply reply(ChannelHandlerContext ctx, FullHttpRequest message, String path) {
        return new ClientReply(
                ctx.channel(),
                message.protocolVersion(),
                path,
                parts.metrics(),
                parts.clock().getAsLong());
    }

    private static FullHttpResponse badRequest(String code, String reason) {
        return Replies.error(HttpResponseStatus.BAD_REQUEST, code, reason);
    }

    private static FullHttpResponse notFound(String path) {
        return Replies.error(
                HttpResponseStatus.NOT_FOUND,
                "unknown_path",
                path
                        + " isn't served here; /v1/completions, /v1/chat/completions, /v1/models,"
                        + " /health, /instances, /kvlink/status and /metrics are.");
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (current != null) {
            current.onWritable();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof IdleStateEvent && current == null) {
            ctx.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (current != null) {
            current.onClientGone();
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.debug("client={} closed after", ctx.channel().remoteAddress(), cause);
        ctx.close();
    }
}
