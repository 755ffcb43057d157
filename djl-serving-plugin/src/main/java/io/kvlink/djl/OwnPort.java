// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.http.OpenAiSurface;
import io.kvlink.djl.worker.SurfaceConfig;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * A port on which nothing but the surface answers, for a server that doesn't let plugins answer
 * where clients ask. Threads of its own, named {@code kv-http-…}.
 */
final class OwnPort implements AutoCloseable {

    private static final int LOOPS = 2;
    private static final long CLOSE_MS = 1000;

    private final EventLoopGroup loops =
            new NioEventLoopGroup(LOOPS, new DefaultThreadFactory("kv-http", true));
    private final Channel listener;

    private OwnPort(InetSocketAddress address, OpenAiSurface surface) {
        ChannelFuture bound =
                new ServerBootstrap()
                        .group(loops)
                        .channel(NioServerSocketChannel.class)
                        .option(ChannelOption.SO_BACKLOG, 1024)
                        .option(ChannelOption.SO_REUSEADDR, true)
                        .childOption(ChannelOption.TCP_NODELAY, true)
                        .childHandler(
                                new ChannelInitializer<SocketChannel>() {
                                    @Override
                                    protected void initChannel(SocketChannel channel) {
                                        channel.pipeline()
                                                .addLast(new HttpServerCodec())
                                                .addLast(new Aggregator())
                                                .addLast(new Door(surface));
                                    }
                                })
                        .bind(address.getHostString(), address.getPort())
                        .awaitUninterruptibly();
        listener = bound.channel();
        if (!bound.isSuccess()) {
            close();
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s=%s:%d can't be bound: %s; is the port taken, the host another machine's?"
                            .formatted(
                                    ServerConfig.OWN_ADDRESS,
                                    address.getHostString(),
                                    address.getPort(),
                                    bound.cause().getMessage()),
                    bound.cause());
        }
    }

    /**
     * Listens; when this returns, requests are answered.
     *
     * @param address port 0 takes any free one
     * @param surface borrowed until this is closed
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if it can't be bound
     */
    static OwnPort open(InetSocketAddress address, OpenAiSurface surface) {
        return new OwnPort(address, surface);
    }

    int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    /** Closes the port and its connections. */
    @Override
    public void close() {
        loops.shutdownGracefully(0, CLOSE_MS, TimeUnit.MILLISECONDS)
                .awaitUninterruptibly(2 * CLOSE_MS);
    }

    /** Answers with an error of OpenAI's form; the texts need no escapes. */
    private static void refuse(
            ChannelHandlerContext ctx,
            HttpResponseStatus status,
            String code,
            String message,
            boolean keepAlive) {
        ByteBuf body =
                Unpooled.copiedBuffer(
                        """
                        {"error":{"message":"%s","type":"invalid_request_error","param":null,"code":"%s"}}"""
                                .formatted(message, code),
                        StandardCharsets.UTF_8);
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
        HttpUtil.setContentLength(response, body.readableBytes());
        HttpUtil.setKeepAlive(response, keepAlive);
        ctx.writeAndFlush(response)
                .addListener(
                        keepAlive
                                ? ChannelFutureListener.CLOSE_ON_FAILURE
                                : ChannelFutureListener.CLOSE);
    }

    /** Takes whatever an option may allow; a model with a lower limit refuses it itself. */
    private static final class Aggregator extends HttpObjectAggregator {

        Aggregator() {
            super(SurfaceConfig.MAX_REQUEST_BYTES, true);
        }

        @Override
        protected void handleOversizedMessage(ChannelHandlerContext ctx, HttpMessage oversized) {
            refuse(
                    ctx,
                    HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                    "request_too_large",
                    "max_request_bytes=%d at most; send less"
                            .formatted(SurfaceConfig.MAX_REQUEST_BYTES),
                    // A client that still sends wouldn't see the answer of a closed connection.
                    HttpUtil.isKeepAlive(oversized));
        }
    }

    private static final class Door extends SimpleChannelInboundHandler<FullHttpRequest> {

        private final OpenAiSurface surface;

        Door(OpenAiSurface surface) {
            this.surface = surface;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            if (surface.accepts(request.uri())) {
                surface.answer(ctx, request);
                return;
            }
            refuse(
                    ctx,
                    HttpResponseStatus.NOT_FOUND,
                    "not_found",
                    "no such path, or no KvLink model is loaded",
                    false);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            // Most often a client that reset its connection.
            ChannelFuture unused = ctx.close();
        }
    }
}
