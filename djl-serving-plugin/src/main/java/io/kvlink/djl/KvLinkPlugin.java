// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.engine.Engine;
import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.djl.http.OpenAiSurface;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/**
 * DJL Serving's way into KvLink, named in {@code META-INF/plugin.definition}. The host makes one,
 * asks it about each request on its event loops. DJL Serving never closes it; the embedded host
 * does.
 */
public final class KvLinkPlugin implements RequestHandler<@Nullable Void>, AutoCloseable {

    private final OpenAiSurface surface;

    /**
     * For the host. Makes {@code engine=KvLink} known to DJL, which finds engines by itself on the
     * class path only.
     *
     * @throws IllegalStateException if DJL has the engine of another copy of this plugin: models
     *     would be loaded there and not be seen here
     */
    public KvLinkPlugin() {
        this(Workers.SHARED);
        Engine.registerEngine(new KvLinkEngineProvider());
        Engine registered = Engine.getEngine(KvLinkEngine.NAME);
        if (!(registered instanceof KvLinkEngine)) {
            throw new IllegalStateException(
                    "engine=%s is registered by another copy of this plugin: %s; leave one jar only"
                            .formatted(KvLinkEngine.NAME, origin(registered.getClass())));
        }
    }

    KvLinkPlugin(Workers workers) {
        surface = new OpenAiSurface(workers, InstantSource.system());
    }

    /** {@inheritDoc} */
    @Override
    public boolean acceptInboundMessage(Object msg) {
        return msg instanceof HttpRequest request && surface.accepts(request.uri());
    }

    /** Answers on the channel, now or later; returns nothing. */
    @Override
    public @Nullable Void handleRequest(
            ChannelHandlerContext ctx,
            FullHttpRequest req,
            QueryStringDecoder decoder,
            String[] segments) {
        surface.answer(ctx, req);
        return null;
    }

    /** Ends the surface's threads, which end by themselves too when there is nothing to do. */
    @Override
    public void close() {
        surface.close();
    }

    private static String origin(Class<?> type) {
        return type.getName() + " of " + type.getProtectionDomain().getCodeSource();
    }
}
