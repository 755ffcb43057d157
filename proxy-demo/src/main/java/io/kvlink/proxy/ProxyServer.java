// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.http.HttpPort;
import io.kvlink.http.RequestCollector;
import io.kvlink.proxy.body.BodyThreads;
import io.kvlink.proxy.body.BufferedBytes;
import io.kvlink.proxy.body.ProxyBodyLimit;
import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.discovery.Discovery;
import io.kvlink.proxy.exchange.ProxyParts;
import io.kvlink.proxy.exchange.TransferIds;
import io.kvlink.proxy.fleet.Fleet;
import io.kvlink.proxy.fleet.InstanceTable;
import io.kvlink.proxy.fleet.ModelFinder;
import io.kvlink.proxy.fleet.ProxyMetrics;
import io.kvlink.proxy.front.FrontDoor;
import io.kvlink.proxy.threads.LoopWatch;
import io.kvlink.proxy.threads.ProxyThreads;
import io.kvlink.proxy.upstream.LiveCalls;
import io.kvlink.proxy.upstream.NameLookup;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.Settings;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.util.concurrent.EventExecutor;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running proxy: an HTTP server for clients and a socket for heartbeats. Its methods may be
 * called from any thread.
 *
 * <pre>{@code
 * try (ProxyServer proxy = ProxyServer.start(Settings.of("proxy", Map.of("port", 0)))) {
 *     System.out.println(proxy.ports());
 * }
 * }</pre>
 */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
public final class ProxyServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ProxyServer.class);
    private static final int CLIENT_IDLE_SECONDS = 120;
    private static final long STOP_MS = 5_000;

    private final ProxyParts parts;
    private final NioEventLoopGroup loops;
    private final Channel listening;
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * The ports in use.
     *
     * @param http where clients connect
     * @param discovery where instances send heartbeats
     */
    public record Ports(int http, int discovery) {}

    private ProxyServer(ProxyParts parts, NioEventLoopGroup loops, Channel listening) {
        this.parts = parts;
        this.loops = loops;
        this.listening = listening;
    }

    /**
     * Starts a proxy; when this returns, it takes requests and heartbeats.
     *
     * @param settings the README's table lists the keys; unknown keys are refused
     * @return the running proxy; the caller closes it
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if a setting is wrong or an
     *     address can't be bound
     */
    public static ProxyServer start(Settings settings) {
        return start(ProxyConfig.of(settings), System::nanoTime);
    }

    static ProxyServer start(ProxyConfig config, LongSupplier clock) {
        ProxyThreads threads = new ProxyThreads();
        ProxyMetrics metrics = new ProxyMetrics();
        long expiryNs = TimeUnit.MILLISECONDS.toNanos(config.expiryMs());
        long farewellNs = TimeUnit.MILLISECONDS.toNanos(config.farewellMs());
        InstanceTable table = new InstanceTable(expiryNs, farewellNs, config.maxInstances());
        metrics.watch(table);
        LiveCalls calls = new LiveCalls(table);
        Discovery discovery = Discovery.start(config, table, calls, metrics, threads, clock);
        NioEventLoopGroup loops =
                new NioEventLoopGroup(
                        config.threads(),
                        (ThreadFactory) task -> threads.numbered(task, "kv-proxy-http"));
        ProxyParts parts =
                new ProxyParts(
                        config,
                        table,
                        new Fleet(table, config.skipMs(), clock),
                        new ModelFinder(table, farewellNs, clock),
                        calls,
                        new NameLookup(threads),
                        new TransferIds(),
                        metrics,
                        discovery,
                        new BodyThreads(config.threads(), threads),
                        new BufferedBytes(config.maxBufferedBytes()),
                        watch(discovery, loops, clock),
                        threads,
                        clock);
        ChannelFuture bound = bootstrap(parts, loops).bind(config.host(), config.port());
        bound.awaitUninterruptibly();
        if (!bound.isSuccess()) {
            stop(parts, loops);
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "host=%s port=%d; is the port taken, the host another machine's?"
                            .formatted(config.host(), config.port()),
                    bound.cause());
        }
        ProxyServer server = new ProxyServer(parts, loops, bound.channel());
        LOG.info("http={} discovery={}", server.http(), discovery.address());
        LOG.debug("config={}", config);
        return server;
    }

    private static LoopWatch watch(
            Discovery discovery, NioEventLoopGroup loops, LongSupplier clock) {
        LoopWatch watch = new LoopWatch(clock);
        watch.watch("the discovery", discovery.loop());
        int number = 0;
        for (EventExecutor loop : loops) {
            watch.watch("client " + number++, loop);
        }
        return watch;
    }

    private static ServerBootstrap bootstrap(ProxyParts parts, NioEventLoopGroup loops) {
        AtomicInteger connections = new AtomicInteger();
        return new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childHandler(
                        new ChannelInitializer<SocketChannel>() {
                            @Override
                            protected void initChannel(SocketChannel channel) {
                                if (admit(parts, connections, channel)) {
                                    furnish(parts, channel);
                                }
                            }
                        });
    }

    private static boolean admit(ProxyParts parts, AtomicInteger connections, Channel channel) {
        if (connections.incrementAndGet() > parts.config().maxConnections()) {
            connections.decrementAndGet();
            parts.metrics().refusedConnections.inc();
            channel.close();
            return false;
        }
        channel.closeFuture().addListener(closed -> connections.decrementAndGet());
        return true;
    }

    private static void furnish(ProxyParts parts, SocketChannel channel) {
        BufferedBytes.Share share = parts.buffered().share();
        int limit = parts.config().maxBodyBytes();
        HttpPort.begin(channel.pipeline(), parts.config().cors());
        channel.pipeline()
                .addLast(new HttpServerKeepAliveHandler())
                .addLast(new IdleStateHandler(0, 0, CLIENT_IDLE_SECONDS))
                .addLast(new RequestCollector(new ProxyBodyLimit(limit, share)))
                .addLast(new FrontDoor(parts, share));
    }

    /** The ports, real ones also where 0 was asked for. */
    public Ports ports() {
        return new Ports(http().port(), parts.discovery().address().port());
    }

    /** Address that clients connect to. */
    public HostPort http() {
        int port = ((InetSocketAddress) listening.localAddress()).getPort();
        return new HostPort(parts.config().host(), port);
    }

    /** Address that instances send heartbeats to. */
    public HostPort discovery() {
        return parts.discovery().address();
    }

    /**
     * Waits until exactly so many instances are registered.
     *
     * @param prefill how many prefill instances
     * @param decode how many decode instances
     * @param timeout how long to wait
     * @return false if the time passed first
     * @throws InterruptedException if the waiting thread is interrupted
     */
    public boolean awaitInstances(int prefill, int decode, Duration timeout)
            throws InterruptedException {
        return parts.table().await(prefill, decode, timeout);
    }

    /** Objects that the server is made of. */
    ProxyParts parts() {
        return parts;
    }

    /** Makes the discovery thread look at an injected clock now. */
    void wakeDiscovery() {
        parts.discovery().wake();
    }

    /**
     * Closes every connection, to clients and instances, frees both ports and ends all threads,
     * each within seconds. Idempotent.
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            stop(parts, loops);
        }
    }

    private static void stop(ProxyParts parts, NioEventLoopGroup loops) {
        // The loops close their channels as they end, and each exchange cancels its calls.
        loops.shutdownGracefully(0, STOP_MS, TimeUnit.MILLISECONDS);
        parts.discovery().close();
        parts.names().close();
        parts.bodies().close();
        parts.threads().join(STOP_MS);
    }
}
