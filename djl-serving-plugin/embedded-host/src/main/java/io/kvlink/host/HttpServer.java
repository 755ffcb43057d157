// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.serving.plugins.RequestHandler;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A bound port. Connections wait in the kernel until {@link #accept}: the port has to be known
 * before a model is loaded, and answers can be given only afterwards. Thread-safe.
 */
final class HttpServer implements AutoCloseable {

    /** DJL Serving's default for {@code max_request_size}. */
    static final int MAX_REQUEST_BYTES = 64 << 20;

    private static final long CLOSE_SECONDS = 5;

    private final EventLoopGroup loops;
    private final Channel listener;

    // Set once, before the first connection is accepted.
    private volatile List<RequestHandler<?>> handlers = List.of();

    private HttpServer(String host, int port, EventLoopGroup loops) {
        this.loops = loops;
        ServerBootstrap bootstrap =
                new ServerBootstrap()
                        .group(loops)
                        .channel(NioServerSocketChannel.class)
                        .option(ChannelOption.AUTO_READ, false)
                        .option(ChannelOption.SO_BACKLOG, 1024)
                        .option(ChannelOption.SO_REUSEADDR, true)
                        .childOption(ChannelOption.TCP_NODELAY, true)
                        .childHandler(new Pipeline());
        try {
            listener = bootstrap.bind(host, port).syncUninterruptibly().channel();
        } catch (RuntimeException | Error failure) {
            shutDown(loops);
            throw failure;
        } catch (Exception cause) {
            // Netty throws a BindException without declaring it.
            shutDown(loops);
            throw new HostException(
                    "host=%s port=%d can't be bound: %s".formatted(host, port, cause.getMessage()),
                    cause);
        }
    }

    /**
     * Binds a port.
     *
     * @throws HostException if it can't be bound
     */
    static HttpServer bind(String host, int port) {
        return new HttpServer(
                host, port, new NioEventLoopGroup(0, new DefaultThreadFactory("kv-host", true)));
    }

    int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    /** Begins to answer. */
    void accept(List<RequestHandler<?>> plugins) {
        handlers = List.copyOf(plugins);
        listener.config().setAutoRead(true);
        listener.read();
    }

    /** Takes no more connections; those there are stay. */
    void stopAccepting() {
        listener.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }

    void awaitStopped() throws InterruptedException {
        listener.closeFuture().await();
    }

    @Override
    public void close() {
        stopAccepting();
        shutDown(loops);
    }

    private static void shutDown(EventLoopGroup loops) {
        Future<?> ended = loops.shutdownGracefully(50, 1000, TimeUnit.MILLISECONDS);
        ended.awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }

    /** As DJL Serving builds it. */
    private final class Pipeline extends ChannelInitializer<SocketChannel> {
        @Override
        protected void initChannel(SocketChannel channel) {
            channel.pipeline()
                    .addLast(new HttpServerCodec())
                    .addLast(new Aggregator())
                    .addLast(new Dispatcher(handlers));
        }
    }

    /** Says in JSON, too, that a body is too large. */
    private static final class Aggregator extends HttpObjectAggregator {
        Aggregator() {
            super(MAX_REQUEST_BYTES, true);
        }

        @Override
        protected void handleOversizedMessage(ChannelHandlerContext ctx, HttpMessage oversized) {
            Dispatcher.sendTooLarge(ctx, oversized, MAX_REQUEST_BYTES);
        }
    }
}
