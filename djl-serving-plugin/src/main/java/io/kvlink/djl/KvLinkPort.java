// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.http.OpenAiSurface;
import io.kvlink.djl.worker.config.SurfaceConfig;
import io.kvlink.http.BodyLimit;
import io.kvlink.http.CorsSettings;
import io.kvlink.http.HttpPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.FullHttpRequest;
import java.io.IOException;
import java.net.InetSocketAddress;

/**
 * A port on which nothing but the surface answers, for a server that doesn't let plugins answer
 * where clients ask. Threads of its own, named {@code kv-http-…}.
 */
final class KvLinkPort implements AutoCloseable {

    private static final int LOOPS = 2;

    // Whatever an option may allow; a model with a lower limit refuses it itself.
    private static final BodyLimit LIMIT =
            BodyLimit.of("max_request_bytes", SurfaceConfig.MAX_REQUEST_BYTES);

    private final HttpPort port;

    private KvLinkPort(HttpPort port) {
        this.port = port;
    }

    /**
     * Listens; when this returns, requests are answered.
     *
     * @param address port 0 takes any free one
     * @param cors for pages of other origins
     * @param surface borrowed until this is closed
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if it can't be bound
     */
    static KvLinkPort open(InetSocketAddress address, CorsSettings cors, OpenAiSurface surface) {
        try {
            HttpPort port =
                    HttpPort.bind(
                            new HttpPort.Options(
                                    address.getHostString(),
                                    address.getPort(),
                                    "kv-http",
                                    LOOPS,
                                    cors,
                                    LIMIT),
                            () -> new Door(surface));
            port.accept();
            return new KvLinkPort(port);
        } catch (IOException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s=%s:%d can't be bound: %s; is the port taken, the host another machine's?"
                            .formatted(
                                    ServerConfig.OWN_ADDRESS,
                                    address.getHostString(),
                                    address.getPort(),
                                    cause.getMessage()),
                    cause);
        }
    }

    int port() {
        return port.port();
    }

    /** Closes the port and its connections. */
    @Override
    public void close() {
        port.close();
    }

    private static final class Door extends SimpleChannelInboundHandler<FullHttpRequest> {

        private final OpenAiSurface surface;

        Door(OpenAiSurface surface) {
            this.surface = surface;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            surface.answer(ctx, request);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            // Most often a client that reset its connection.
            ChannelFuture unused = ctx.close();
        }
    }
}
