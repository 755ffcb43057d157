// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.proxy.config.ConfigFile;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.Settings;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The proxy inside DJL Serving: on ports of its own if {@value #CONFIG} names a config file, idle
 * otherwise. It answers none of the host's requests.
 */
public final class ProxyPlugin implements RequestHandler<Object>, AutoCloseable {

    /** System property, or else environment variable, that names the config file. */
    public static final String CONFIG = "KVLINK_PROXY_CONFIG";

    private static final Logger LOG = LoggerFactory.getLogger(ProxyPlugin.class);

    private final @Nullable ProxyServer server;

    /**
     * Called by DJL Serving.
     *
     * @throws KvConnectorException if the config file is wrong or a port is taken, which stops the
     *     host's start
     */
    public ProxyPlugin() {
        String named = System.getProperty(CONFIG, System.getenv(CONFIG));
        if (named == null || named.isBlank()) {
            LOG.info("the proxy stays idle; name its config file in {} to start it", CONFIG);
            server = null;
            return;
        }
        server = ProxyServer.start(Settings.of("proxy", ConfigFile.read(Path.of(named))));
        // The host has no callback at its end.
        Runtime.getRuntime().addShutdownHook(new Thread(server::close, "kv-proxy-stop"));
    }

    @Override
    public boolean acceptInboundMessage(Object msg) {
        return false;
    }

    @Override
    public Object handleRequest(
            ChannelHandlerContext ctx,
            FullHttpRequest req,
            QueryStringDecoder decoder,
            String[] segments) {
        throw new IllegalStateException("uri=" + req.uri() + " was never accepted");
    }

    /** Stops the proxy, if it runs. The host doesn't call this; the JVM's end does the same. */
    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
