// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * Listens to heartbeats and keeps the instance table. Thread {@code kv-proxy-discovery} owns the
 * socket from {@link #start} on and is the table's only writer; it is woken, never interrupted.
 */
final class Discovery implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Discovery.class);
    private static final int FRAMES_PER_CYCLE = 256;
    private static final long MAX_WAIT_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long SOCKET_MAX_BYTES = 64 * 1024;
    private static final long BIND_FAILED_MS = 5_000;
    private static final int HANDSHAKE_MS = 5_000;

    private final ZContext context;
    private final ZMQ.Socket router;
    private final Pipe wakeUp;
    private final InstanceTable table;
    private final ProxyMetrics metrics;
    private final LongSupplier clock;
    private final HostPort address;
    private final Thread thread;

    // Distinct failures and how often each was seen; the discovery thread's own. Its keys come
    // from a few words of ours, so it is bounded.
    private final Map<String, Long> failures = new HashMap<>();

    private volatile boolean stopping;

    private Discovery(
            ZContext context,
            ZMQ.Socket router,
            Pipe wakeUp,
            HostPort address,
            InstanceTable table,
            ProxyMetrics metrics,
            ProxyThreads threads,
            LongSupplier clock) {
        this.context = context;
        this.router = router;
        this.wakeUp = wakeUp;
        this.address = address;
        this.table = table;
        this.metrics = metrics;
        this.clock = clock;
        this.thread = threads.named(this::run, "kv-proxy-discovery");
    }

    /**
     * Binds and starts listening.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if the address can't be bound
     */
    static Discovery start(
            ProxyConfig config,
            InstanceTable table,
            ProxyMetrics metrics,
            ProxyThreads threads,
            LongSupplier clock) {
        ZContext context = new ZContext(1);
        context.setLinger(0);
        context.setThreadFactor((task, name) -> threads.named(task, "kv-proxy-zmq-" + name));
        try {
            ZMQ.Socket router = context.createSocket(SocketType.ROUTER);
            router.setMaxMsgSize(SOCKET_MAX_BYTES);
            // A restarted instance comes with its old identity while the old connection lingers.
            router.setRouterHandover(true);
            // Who connects and says nothing, a port scanner say, is dropped soon.
            router.setHandshakeIvl(HANDSHAKE_MS);
            router.setIPv6(config.discoveryHost().indexOf(':') >= 0);
            HostPort bound = bind(router, config.discoveryHost(), config.discoveryPort());
            Pipe wakeUp = Pipe.open();
            wakeUp.source().configureBlocking(false);
            wakeUp.sink().configureBlocking(false);
            Discovery discovery =
                    new Discovery(context, router, wakeUp, bound, table, metrics, threads, clock);
            discovery.thread.start();
            return discovery;
        } catch (IOException | RuntimeException cause) {
            context.close();
            threads.join(BIND_FAILED_MS);
            if (cause instanceof KvConnectorException refused) {
                throw refused;
            }
            throw new KvConnectorException(KvError.INTERNAL, "discovery; see the cause", cause);
        }
    }

    private static HostPort bind(ZMQ.Socket router, String host, int port) {
        String shown = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
        String endpoint = "tcp://" + shown + ":" + (port == 0 ? "*" : port);
        try {
            if (router.bind(endpoint)) {
                String last = router.getLastEndpoint();
                HostPort bound = HostPort.parse(last.substring("tcp://".length()));
                return new HostPort(host, bound.port());
            }
        } catch (ZMQException cause) {
            throw unbound(host, port, cause);
        }
        throw unbound(host, port, null);
    }

    private static KvConnectorException unbound(String host, int port, @Nullable Exception cause) {
        return new KvConnectorException(
                KvError.BAD_CONFIG,
                "discovery_host=%s discovery_port=%d; is the port taken, the host another machine's?"
                        .formatted(host, port),
                cause);
    }

    /** Where it listens, with the port it really has. */
    HostPort address() {
        return address;
    }

    boolean alive() {
        return thread.isAlive() && !stopping;
    }

    /** Makes the thread look at its clock now. */
    void wake() {
        try {
            int written = wakeUp.sink().write(ByteBuffer.wrap(new byte[1]));
            LOG.trace("wake-up bytes={}", written);
        } catch (IOException cause) {
            LOG.debug("wake-up; the thread is ending", cause);
        }
    }

    private void run() {
        try (Pipe.SourceChannel source = wakeUp.source();
                Pipe.SinkChannel sink = wakeUp.sink();
                ZMQ.Poller poller = context.createPoller(2)) {
            int socketIndex = poller.register(router, ZMQ.Poller.POLLIN);
            int sourceIndex = poller.register(source, ZMQ.Poller.POLLIN);
            LOG.debug("listening socket={} wake-up={} {}", socketIndex, sourceIndex, sink);
            while (!stopping) {
                runCycle(poller, source);
            }
        } catch (IOException cause) {
            LOG.debug("closing the wake-up pipe", cause);
        } finally {
            context.close();
        }
    }

    private void runCycle(ZMQ.Poller poller, Pipe.SourceChannel source) {
        try {
            long waitNs = table.untilExpiryNs(clock.getAsLong(), MAX_WAIT_NS);
            // Rounded up, so that it doesn't wake a moment too early and spin.
            int ready = poller.poll(TimeUnit.NANOSECONDS.toMillis(waitNs) + 1);
            LOG.trace("ready={}", ready);
            drain(source);
            for (int i = 0; i < FRAMES_PER_CYCLE && receive(); i++) {}
            for (Instance gone : table.expire(clock.getAsLong())) {
                metrics.expired.inc();
                LOG.warn("instance={} role={} expired: no heartbeat", gone.http(), gone.role());
            }
        } catch (RuntimeException | IOException cause) {
            onFailure("cycle_" + cause.getClass().getSimpleName(), String.valueOf(cause));
            // A socket that fails at once must not make this a busy loop.
            LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    private static void drain(Pipe.SourceChannel source) throws IOException {
        ByteBuffer scratch = ByteBuffer.allocate(64);
        while (source.read(scratch) > 0) {
            scratch.clear();
        }
    }

    /** Takes one message off the socket; false if there is none. */
    private boolean receive() {
        byte[] identity = router.recv(ZMQ.DONTWAIT);
        if (identity == null) {
            return false;
        }
        byte[] payload = null;
        int frames = 0;
        while (router.hasReceiveMore()) {
            payload = router.recv(ZMQ.DONTWAIT);
            frames++;
        }
        if (payload == null || frames != 1) {
            onFailure("wrong_frames", "frames=" + frames + "; expected one after the identity");
            return true;
        }
        HeartbeatCodec.Parsed parsed = HeartbeatCodec.decode(payload);
        if (parsed instanceof Heartbeat heartbeat) {
            onHeartbeat(heartbeat);
        } else if (parsed instanceof HeartbeatCodec.Refused refused) {
            onFailure(refused.kind(), refused.detail());
        }
        return true;
    }

    private void onHeartbeat(Heartbeat heartbeat) {
        InstanceTable.Change change = table.onHeartbeat(heartbeat, clock.getAsLong());
        metrics.heartbeats.labelValues(change.name().toLowerCase(Locale.ROOT)).inc();
        Instance instance = heartbeat.instance();
        switch (change) {
            case ADDED, RESTARTED, LEFT ->
                    LOG.info(
                            "instance={} role={} control={} epoch={} {}",
                            instance.http(),
                            instance.role(),
                            instance.zmq(),
                            instance.epoch(),
                            change);
            case FULL -> onFailure("full", "instance=" + instance.http() + "; raise max_instances");
            case REFRESHED, STALE -> LOG.trace("instance={} {}", instance.http(), change);
        }
    }

    private void onFailure(String kind, String detail) {
        metrics.heartbeats.labelValues("refused").inc();
        if (failures.merge(kind, 1L, Long::sum) == 1) {
            LOG.warn("heartbeat refused={} {}; further ones are only counted", kind, detail);
        }
    }

    /** Makes the thread free the port and end; {@link ProxyThreads#join} waits for it. */
    @Override
    public void close() {
        stopping = true;
        wake();
    }
}
