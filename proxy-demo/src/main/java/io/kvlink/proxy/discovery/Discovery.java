// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.discovery;

import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.fleet.Heartbeat;
import io.kvlink.proxy.fleet.HeartbeatCodec;
import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.fleet.InstanceTable;
import io.kvlink.proxy.fleet.ProxyMetrics;
import io.kvlink.proxy.threads.ProxyThreads;
import io.kvlink.proxy.upstream.LiveCalls;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.timeout.IdleStateHandler;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens to heartbeats and keeps the instance table. Thread {@code kv-proxy-discovery} is the
 * event loop of its sockets and the table's only writer.
 */
// What fails on a channel ends the channel; what fails in a task is caught there.
@SuppressWarnings("FutureReturnValueIgnored")
public final class Discovery implements ZmtpPeer.Listener, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Discovery.class);
    private static final long MAX_WAIT_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long MIN_WAIT_NS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long MIN_IDLE_MS = 60_000;
    private static final long STOP_MS = 5_000;
    // Beside one for each instance: of those that restart, and of strangers.
    private static final int SPARE_CONNECTIONS = 256;

    private final ProxyConfig config;
    private final InstanceTable table;
    private final LiveCalls calls;
    private final ProxyMetrics metrics;
    private final LongSupplier clock;
    private final NioEventLoopGroup group;
    private final EventLoop loop;
    private final PeerLimit peers;
    private final Channel listening;
    private final HostPort address;

    // Distinct failures and how often each was seen; the discovery thread's own. Its keys come
    // from a few words of ours, so it is bounded.
    private final Map<String, Long> failures = new HashMap<>();

    private Discovery(
            ProxyConfig config,
            InstanceTable table,
            LiveCalls calls,
            ProxyMetrics metrics,
            ProxyThreads threads,
            LongSupplier clock) {
        this.config = config;
        this.table = table;
        this.calls = calls;
        this.metrics = metrics;
        this.clock = clock;
        this.peers = new PeerLimit(config.maxInstances() + SPARE_CONNECTIONS);
        this.group =
                new NioEventLoopGroup(
                        1, (ThreadFactory) task -> threads.named(task, "kv-proxy-discovery"));
        this.loop = group.next();
        this.listening = bind(threads);
        int port = ((InetSocketAddress) listening.localAddress()).getPort();
        this.address = new HostPort(config.discoveryHost(), port);
    }

    /**
     * Binds and starts listening.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if the address can't be bound
     */
    public static Discovery start(
            ProxyConfig config,
            InstanceTable table,
            LiveCalls calls,
            ProxyMetrics metrics,
            ProxyThreads threads,
            LongSupplier clock) {
        Discovery discovery = new Discovery(config, table, calls, metrics, threads, clock);
        discovery.loop.execute(discovery::sweepOnAndOn);
        return discovery;
    }

    private Channel bind(ProxyThreads threads) {
        ChannelFuture bound =
                new ServerBootstrap()
                        .group(group)
                        .channel(NioServerSocketChannel.class)
                        .childHandler(
                                new ChannelInitializer<SocketChannel>() {
                                    @Override
                                    protected void initChannel(SocketChannel channel) {
                                        if (peers.admit(channel)) {
                                            furnish(channel);
                                        }
                                    }
                                })
                        .bind(config.discoveryHost(), config.discoveryPort())
                        .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            group.shutdownGracefully(0, STOP_MS, TimeUnit.MILLISECONDS);
            threads.join(STOP_MS);
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "discovery_host=%s discovery_port=%d; is the port taken, the host another machine's?"
                            .formatted(config.discoveryHost(), config.discoveryPort()),
                    bound.cause());
        }
        return bound.channel();
    }

    private void furnish(SocketChannel channel) {
        // Frees what a peer held that vanished; one that only pauses connects again.
        long idleMs = Math.max(MIN_IDLE_MS, 2L * config.expiryMs());
        channel.pipeline()
                .addLast(new IdleStateHandler(idleMs, 0, 0, TimeUnit.MILLISECONDS))
                .addLast(new ZmtpPeer(this));
    }

    /** Address that is listened on, with the real port. */
    public HostPort address() {
        return address;
    }

    /** True if instances can register. */
    public boolean listening() {
        return listening.isActive();
    }

    /** Closes the port, which only a defect does otherwise. */
    public void stopListening() {
        listening.close().awaitUninterruptibly();
    }

    public EventLoop loop() {
        return loop;
    }

    /** Makes the thread look at its clock now. */
    public void wake() {
        loop.execute(this::sweep);
    }

    private void sweepOnAndOn() {
        long waitNs = MAX_WAIT_NS;
        try {
            sweep();
            waitNs = table.untilExpiryNs(clock.getAsLong(), MAX_WAIT_NS);
        } finally {
            // At least a moment, so that a clock that stands still doesn't make this spin.
            loop.schedule(this::sweepOnAndOn, Math.max(MIN_WAIT_NS, waitNs), TimeUnit.NANOSECONDS);
        }
    }

    private void sweep() {
        for (Instance gone : table.expire(clock.getAsLong())) {
            metrics.expired.inc();
            LOG.warn(
                    "instance={} role={} model={} expired: no heartbeat",
                    gone.http(),
                    gone.role(),
                    gone.model());
            calls.onExpired(gone);
        }
    }

    @Override
    public void onMessage(ChannelHandlerContext from, byte[] message) {
        HeartbeatCodec.Parsed parsed = HeartbeatCodec.decode(message);
        if (parsed instanceof Heartbeat heartbeat) {
            peers.onHeard(from.channel());
            onHeartbeat(heartbeat);
        } else if (parsed instanceof HeartbeatCodec.Refused refused) {
            onRefused(refused.kind(), refused.detail());
        }
    }

    private void onHeartbeat(Heartbeat heartbeat) {
        Instance instance = heartbeat.instance();
        Optional<Instance> before = table.snapshot().inPlaceOf(instance);
        InstanceTable.Change change = table.onHeartbeat(heartbeat, clock.getAsLong());
        metrics.heartbeats.labelValues(change.name().toLowerCase(Locale.ROOT)).inc();
        switch (change) {
            case ADDED, RESTARTED -> {
                log(instance, change);
                calls.onStarted(instance);
            }
            case REPLACED -> {
                log(instance, change);
                calls.onStarted(instance);
                before.ifPresent(this::onFarewell);
            }
            case LEFT -> {
                log(instance, change);
                onFarewell(instance);
            }
            case FULL -> onRefused("full", "instance=" + instance.http() + "; raise max_instances");
            case REFRESHED, STALE -> LOG.trace("instance={} {}", instance.http(), change);
        }
    }

    private void onFarewell(Instance gone) {
        loop.schedule(() -> calls.onFarewellOver(gone), config.farewellMs(), TimeUnit.MILLISECONDS);
    }

    private static void log(Instance instance, InstanceTable.Change change) {
        LOG.info(
                "instance={} role={} model={} control={} epoch={} {}",
                instance.http(),
                instance.role(),
                instance.model(),
                instance.zmq().map(HostPort::toString).orElse("none"),
                instance.epoch(),
                change);
    }

    @Override
    public void onRefused(String kind, String detail) {
        metrics.heartbeats.labelValues("refused").inc();
        if (failures.merge(kind, 1L, Long::sum) == 1) {
            LOG.warn("heartbeat refused={} {}; further ones are only counted", kind, detail);
        }
    }

    /** Makes the thread free the port and end; {@link ProxyThreads#join} waits for it. */
    @Override
    public void close() {
        group.shutdownGracefully(0, STOP_MS, TimeUnit.MILLISECONDS);
    }
}
