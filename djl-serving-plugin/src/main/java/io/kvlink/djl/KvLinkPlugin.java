// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.engine.Engine;
import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.djl.http.OpenAiSurface;
import io.kvlink.http.CorsSettings;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * DJL Serving's way into KvLink, named in {@code META-INF/plugin.definition}. The host makes one
 * and asks it about each request on its event loops. DJL Serving closes neither it nor its models
 * when it ends. So a shutdown hook drains the models: peers and the proxy hear of it at once, and
 * what runs is finished. The embedded host closes both.
 */
public final class KvLinkPlugin implements RequestHandler<@Nullable Void>, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(KvLinkPlugin.class);

    private final RoutedModels models;
    private final OpenAiSurface surface;
    private final OpenAiSurface alone;
    private final OtherPlugins others = new OtherPlugins(this);
    private final @Nullable KvLinkPort ownPort;
    private final Thread atExit;

    /**
     * Makes the plugin for the host, and {@code engine=KvLink} known to DJL. DJL finds engines by
     * itself on the class path only. The plugin listens on a port of its own if the host's
     * configuration says so.
     *
     * @throws IllegalStateException if DJL has the engine of another copy of this plugin: models
     *     would be loaded there and not be seen here
     * @throws io.kvlink.spi.KvConnectorException if the own port can't be bound
     */
    public KvLinkPlugin() {
        this(Workers.SHARED, new ServerConfig(), new ServerRegistry());
        Engine.registerEngine(new KvLinkEngineProvider());
        Engine registered = Engine.getEngine(KvLinkEngine.NAME);
        if (!(registered instanceof KvLinkEngine)) {
            close();
            throw new IllegalStateException(
                    "engine=%s is registered by another copy of this plugin: %s; leave one jar only"
                            .formatted(KvLinkEngine.NAME, origin(registered.getClass())));
        }
    }

    KvLinkPlugin(Workers workers, ServerConfig config, ServerRegistry registry) {
        CorsSettings cors = config.cors();
        models = new RoutedModels(workers, registry);
        surface = new OpenAiSurface(models, InstantSource.system(), cors, config.accessLog());
        alone = new OpenAiSurface(models.alone(), InstantSource.system(), cors, config.accessLog());
        config.warnOfSeparateAddresses();
        ownPort =
                config.ownAddress()
                        .map(address -> KvLinkPort.open(address, cors, alone))
                        .orElse(null);
        if (ownPort != null) {
            log.info("{} port={}", ServerConfig.OWN_ADDRESS, ownPort.port());
        }
        atExit = new Thread(workers::endAll, "kv-exit");
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /**
     * Takes the host's {@code PluginManager}; DJL Serving sets this bean property of its plugins.
     */
    public void setPluginManager(Object manager) {
        others.setManager(manager);
    }

    /**
     * Takes what is for a model of ours, or for a model that nobody here has. Requests for models
     * of other engines go on to the server's own handlers.
     */
    @Override
    public boolean acceptInboundMessage(Object msg) {
        return msg instanceof HttpRequest request
                && surface.accepts(request.uri())
                && models.isOurs(request)
                && !(OpenAiSurface.isOfTheProcess(request.uri()) && others.want(request));
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

    /** Closes the own port and ends the surface's threads. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException exiting) {
            // It runs, or has run.
        }
        if (ownPort != null) {
            ownPort.close();
        }
        surface.close();
        alone.close();
    }

    /** The port of its own, 0 without one. */
    int ownPort() {
        return ownPort == null ? 0 : ownPort.port();
    }

    private static String origin(Class<?> type) {
        return type.getName() + " of " + type.getProtectionDomain().getCodeSource();
    }
}
