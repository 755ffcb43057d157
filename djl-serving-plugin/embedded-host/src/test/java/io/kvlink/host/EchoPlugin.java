// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.engine.Engine;
import ai.djl.serving.plugins.RequestHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Answers /echo in each of the ways a plugin may, and brings an engine. */
public final class EchoPlugin implements RequestHandler<Object>, AutoCloseable {

    static volatile boolean closed;

    public EchoPlugin() {
        Engine.registerEngine(new EchoEngine.Provider());
    }

    @Override
    public boolean acceptInboundMessage(Object msg) {
        return msg instanceof HttpRequest request && request.uri().startsWith("/echo/");
    }

    @Override
    public Object handleRequest(
            ChannelHandlerContext ctx,
            FullHttpRequest req,
            QueryStringDecoder decoder,
            String[] segments) {
        List<String> said = List.of(segments[2], req.content().toString(StandardCharsets.UTF_8));
        return switch (segments[2]) {
            case "later" -> CompletableFuture.completedFuture(said);
            case "broken" -> throw new IllegalStateException("secret");
            case "brokenlater" ->
                    CompletableFuture.failedFuture(new IllegalStateException("secret"));
            default -> said;
        };
    }

    @Override
    public void close() {
        closed = true;
    }
}
