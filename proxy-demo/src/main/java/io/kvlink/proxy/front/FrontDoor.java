// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.front;

import io.kvlink.http.HttpFault;
import io.kvlink.http.RequestTarget;
import io.kvlink.proxy.body.BodyThreads;
import io.kvlink.proxy.body.BufferedBytes;
import io.kvlink.proxy.exchange.ClientReply;
import io.kvlink.proxy.exchange.Exchange;
import io.kvlink.proxy.exchange.ModelRequest;
import io.kvlink.proxy.exchange.ProxyParts;
import io.kvlink.proxy.exchange.Replies;
import io.kvlink.proxy.exchange.Serving;
import io.kvlink.proxy.fleet.AskedModel;
import io.kvlink.proxy.fleet.ModelFinder;
import io.kvlink.proxy.upstream.ClientRequest;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.timeout.IdleStateEvent;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Decides by its path who answers a client's request. One per connection, on its event loop. */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
public final class FrontDoor extends SimpleChannelInboundHandler<FullHttpRequest> {

    private static final Logger LOG = LoggerFactory.getLogger(FrontDoor.class);
    private static final String MODELS = "/v1/models";
    // Followed by a model's name.
    private static final String MODEL = MODELS + "/";

    private static final String READS = "GET, HEAD, OPTIONS";
    private static final String GENERATES = "POST, OPTIONS";
    private static final String ANYTHING = "GET, HEAD, POST, OPTIONS";
    private static final Pattern PRINTABLE = Pattern.compile("[!-~]{1,4096}");

    private final ProxyParts parts;
    private final StatusPages pages;
    private final BufferedBytes.Share share;

    // The request being served; a connection has one at a time.
    private @Nullable Serving current;
    private boolean closeAfter;

    /** Serves one connection; the share holds the body of the request that is being served. */
    public FrontDoor(ProxyParts parts, BufferedBytes.Share share) {
        this.parts = parts;
        this.share = share;
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
        HttpFault.of(message)
                .ifPresentOrElse(
                        fault -> answer(ctx, message, "unread", Replies.fault(fault)),
                        () -> serve(ctx, message));
    }

    private void serve(ChannelHandlerContext ctx, FullHttpRequest message) {
        Optional<String> target =
                RequestTarget.decoded(message.uri()).map(QueryStringDecoder::path);
        if (target.isEmpty()) {
            answer(ctx, message, "unread", badRequest(HttpFault.BAD_TARGET));
            return;
        }
        String path = target.get();
        if (path.equals(RequestTarget.SERVER) && message.method().equals(HttpMethod.OPTIONS)) {
            answer(ctx, message, path, Replies.methods(ANYTHING));
            return;
        }
        String label = path.startsWith(MODEL) ? MODELS : path;
        switch (label) {
            case "/v1/completions", "/v1/chat/completions" -> {
                if (allowed(ctx, message, label, GENERATES)) {
                    generate(ctx, message, label);
                }
            }
            case MODELS -> {
                if (allowed(ctx, message, label, READS)) {
                    if (path.startsWith(MODEL)) {
                        ask(ctx, message, AskedModel.of(path.substring(MODEL.length())));
                    } else {
                        list(ctx, message);
                    }
                }
            }
            case "/health",
                    "/health/live",
                    "/health/ready",
                    "/instances",
                    "/kvlink/status",
                    "/metrics" -> {
                if (allowed(ctx, message, label, READS)) {
                    answer(ctx, message, label, pages.of(label));
                }
            }
            default -> answer(ctx, message, "other", notFound());
        }
    }

    /** True if the path's methods have the request's; else it is answered. */
    private boolean allowed(
            ChannelHandlerContext ctx, FullHttpRequest message, String path, String methods) {
        HttpMethod method = message.method();
        if (method.equals(HttpMethod.OPTIONS)) {
            answer(ctx, message, path, Replies.methods(methods));
            return false;
        }
        if (List.of(methods.split(", ", 0)).contains(method.name())) {
            return true;
        }
        FullHttpResponse response =
                Replies.error(
                        HttpResponseStatus.METHOD_NOT_ALLOWED,
                        "method_not_allowed",
                        "method=%s; expected %s".formatted(method, methods));
        response.headers().set(HttpHeaderNames.ALLOW, methods);
        answer(ctx, message, path, response);
        return false;
    }

    private void generate(ChannelHandlerContext ctx, FullHttpRequest message, String path) {
        ClientRequest request = ClientRequest.of(message, client(ctx));
        ClientReply reply = reply(ctx, message, path);
        parts.metrics().inFlight.inc();
        current = Serving.READING_BODY;
        parts.bodies()
                .prepare(
                        client(ctx),
                        request.body().bytes(),
                        ctx.executor(),
                        outcome -> onRead(ctx, request, reply, outcome));
    }

    private void onRead(
            ChannelHandlerContext ctx,
            ClientRequest request,
            ClientReply reply,
            BodyThreads.Outcome outcome) {
        if (!ctx.channel().isActive()) {
            parts.metrics().clientsGone.inc();
            onDone(ctx);
        } else if (outcome instanceof BodyThreads.Prepared prepared) {
            ClientRequest forPrefill = request.withBody(prepared.prefill().bytes());
            route(ctx, prepared.prefill().model(), request, forPrefill, reply);
        } else if (outcome instanceof BodyThreads.NotJson wrong) {
            refuse(
                    ctx,
                    reply,
                    Replies.error(HttpResponseStatus.BAD_REQUEST, "invalid_json", wrong.reason()));
        } else if (outcome instanceof BodyThreads.Busy busy) {
            refuse(ctx, reply, Replies.busy(busy.reason()));
        }
    }

    private void ask(ChannelHandlerContext ctx, FullHttpRequest message, AskedModel model) {
        parts.metrics().inFlight.inc();
        ClientRequest request = ClientRequest.of(message, client(ctx));
        route(ctx, model, request, null, reply(ctx, message, MODELS));
    }

    private void list(ChannelHandlerContext ctx, FullHttpRequest message) {
        if (!ModelList.isNeeded(parts.fleet())) {
            // Whoever is asked answers for all.
            ask(ctx, message, new AskedModel.Absent());
            return;
        }
        parts.metrics().inFlight.inc();
        ModelList list =
                new ModelList(
                        parts,
                        ctx.channel().eventLoop(),
                        ClientRequest.of(message, client(ctx)),
                        reply(ctx, message, MODELS),
                        () -> onDone(ctx));
        current = list;
        list.start();
    }

    /** Begins with the instances of the request's model, or says that there is no such model. */
    private void route(
            ChannelHandlerContext ctx,
            AskedModel model,
            ClientRequest request,
            @Nullable ClientRequest forPrefill,
            ClientReply reply) {
        ModelFinder.Found found = parts.models().find(model);
        if (found instanceof ModelFinder.Served served) {
            begin(ctx, new ModelRequest(served.model(), request, forPrefill), reply);
        } else if (found instanceof ModelFinder.Ambiguous several) {
            refuse(ctx, reply, Replies.modelMissing(several.known()));
        } else if (found instanceof ModelFinder.Unknown other) {
            refuse(ctx, reply, Replies.modelNotFound(other.name(), other.known()));
        }
    }

    private void refuse(ChannelHandlerContext ctx, ClientReply reply, FullHttpResponse response) {
        reply.whole(response, parts.clock().getAsLong());
        onDone(ctx);
    }

    private void begin(ChannelHandlerContext ctx, ModelRequest request, ClientReply reply) {
        Exchange exchange =
                new Exchange(parts, ctx.channel().eventLoop(), request, reply, () -> onDone(ctx));
        current = exchange;
        exchange.start();
    }

    private void onDone(ChannelHandlerContext ctx) {
        parts.metrics().inFlight.dec();
        current = null;
        share.release();
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
        share.release();
        reply(ctx, message, path).whole(response, parts.clock().getAsLong());
    }

    private ClientReply reply(ChannelHandlerContext ctx, FullHttpRequest message, String path) {
        return new ClientReply(
                ctx.channel(),
                message.protocolVersion(),
                path,
                requestId(message),
                parts.metrics(),
                parts.clock().getAsLong());
    }

    private static FullHttpResponse badRequest(HttpFault fault) {
        return Replies.error(fault.status(), fault.code(), fault.message());
    }

    private static FullHttpResponse notFound() {
        return Replies.error(
                HttpResponseStatus.NOT_FOUND,
                "unknown_path",
                "no such path; /v1/completions, /v1/chat/completions, /v1/models, /health,"
                        + " /health/live, /health/ready, /instances, /kvlink/status and /metrics"
                        + " are served");
    }

    /** Name of the client among those who take turns, here and at the instances. */
    private static String client(ChannelHandlerContext ctx) {
        return ctx.channel().remoteAddress() instanceof InetSocketAddress address
                ? address.getAddress().getHostAddress()
                : "local";
    }

    /** The client's name for its request, if it is one that may travel into headers and logs. */
    private static String requestId(FullHttpRequest message) {
        String given = message.headers().get("X-Request-Id", "");
        // An id with a route shows addresses, even if they are the client's own.
        return PRINTABLE.matcher(given).matches() && !given.contains("_addr_") ? given : "";
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
        } else {
            share.release();
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.debug("client={} closed after", ctx.channel().remoteAddress(), cause);
        ctx.close();
    }
}
