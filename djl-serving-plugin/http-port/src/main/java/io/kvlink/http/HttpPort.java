// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A bound port that hands on whole requests. Connections wait in the kernel until {@link #accept}.
 * Thread-safe; has event loops of its own.
 */
public final class HttpPort implements AutoCloseable {

    private static final long QUIET_MS = 50;
    private static final long STOP_MS = 1000;
    private static final long CLOSE_SECONDS = 5;

    private final EventLoopGroup loops;
    private final Channel listener;

    /**
     * Address of a port, and what it takes.
     *
     * @param port 0 for any free one
     * @param threads how its threads' names begin
     * @param loops how many threads; 0 for as many as suit the machine
     * @param cors for pages of other origins
     * @param limit of bodies
     */
    public record Options(
            String host, int port, String threads, int loops, CorsSettings cors, BodyLimit limit) {}

    private HttpPort(EventLoopGroup loops, Channel listener) {
        this.loops = loops;
        this.listener = listener;
    }

    /**
     * Binds a port.
     *
     * @param door makes what answers the requests of one connection
     * @throws IOException if it can't be bound; nothing is left open then
     */
    public static HttpPort bind(Options options, Supplier<ChannelHandler> door) throws IOException {
        EventLoopGroup loops =
                new NioEventLoopGroup(
                        options.loops(), new DefaultThreadFactory(options.threads(), true));
        ChannelFuture bound =
                new ServerBootstrap()
                        .group(loops)
                        .channel(NioServerSocketChannel.class)
                        .option(ChannelOption.AUTO_READ, false)
                        .option(ChannelOption.SO_BACKLOG, 1024)
                        .option(ChannelOption.SO_REUSEADDR, true)
                        .childOption(ChannelOption.TCP_NODELAY, true)
                        .childHandler(
                                new ChannelInitializer<SocketChannel>() {
                                    @Override
                                    protected void initChannel(SocketChannel channel) {
                                        begin(channel.pipeline(), options.cors());
                                        channel.pipeline()
                                                .addLast(new RequestCollector(options.limit()))
                                                .addLast(door.get());
                                    }
                                })
                        .bind(options.host(), options.port())
                        .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            shutDown(loops);
            throw new IOException(bound.cause().getMessage(), bound.cause());
        }
        return new HttpPort(loops, bound.channel());
    }

    /** Adds what every connection begins with: the codec with our limits, and CORS. */
    public static void begin(ChannelPipeline pipeline, CorsSettings cors) {
        pipeline.addLast(
                        new HttpServerCodec(
                                new HttpDecoderConfig()
                                        .setMaxInitialLineLength(HttpFault.MAX_LINE_BYTES)
                                        .setMaxHeaderSize(HttpFault.MAX_HEADER_BYTES)))
                .addLast(new CorsHandler(cors));
    }

    /** The port that was bound. */
    public int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    /** Begins to take connections. */
    public void accept() {
        listener.config().setAutoRead(true);
        listener.read();
    }

    /** Takes no more connections; those there are stay. */
    public void stopAccepting() {
        listener.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }

    /**
     * Waits until another thread stops it.
     *
     * @throws InterruptedException if interrupted meanwhile
     */
    public void awaitStopped() throws InterruptedException {
        listener.closeFuture().await();
    }

    /** Closes the port and its connections, once what is being written is out. */
    @Override
    public void close() {
        stopAccepting();
        shutDown(loops);
    }

    private static void shutDown(EventLoopGroup loops) {
        loops.shutdownGracefully(QUIET_MS, STOP_MS, TimeUnit.MILLISECONDS)
                .awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }
}
