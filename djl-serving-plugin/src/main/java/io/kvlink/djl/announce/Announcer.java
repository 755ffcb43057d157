// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.announce;

import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.djl.worker.config.Announcement;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.zmq.NameResolver;
import io.kvlink.zmq.ZmqContext;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Heartbeats of one worker to all its proxies. Its thread, {@code kv-announce}, exists only if
 * there are some. Other threads hand it commands.
 */
public final class Announcer implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Announcer.class);
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final long CLOSE_MS = 5_000;
    // Process of the instance. Instances of one process may share an HTTP address, and one that
    // begins there doesn't mean that another has ended.
    private static final long PROCESS = RANDOM.nextLong(1, Long.MAX_VALUE);

    private final List<HostPort> proxies;
    private final ProxyLink.Beats beats;
    private final BlockingQueue<Runnable> commands = new LinkedBlockingQueue<>();
    private final @Nullable Thread thread;

    // The thread's own.
    private final List<ProxyLink> links = new ArrayList<>();
    private boolean closing;

    private Announcer(List<HostPort> proxies, ProxyLink.Beats beats) {
        this.proxies = proxies;
        this.beats = beats;
        this.thread = proxies.isEmpty() ? null : new Thread(this::run, "kv-announce");
    }

    /**
     * Begins to send, if the settings name a proxy.
     *
     * @param config the worker's settings
     * @param connector the worker's connector
     * @param status asked for each heartbeat, on the announcer's thread
     */
    public static Announcer start(
            WorkerConfig config, Optional<KvConnector> connector, Supplier<WorkerStatus> status) {
        if (config.announcement().isEmpty()) {
            return new Announcer(List.of(), bye -> Optional.empty());
        }
        Announcement announcement = config.announcement().get();
        Beat beat = beat(config, announcement.http(), connector);
        KnownStatus known = new KnownStatus(status);
        Announcer announcer =
                new Announcer(
                        announcement.proxies(), bye -> known.get().map(now -> beat.pack(now, bye)));
        log.info(
                "announced=true proxies={} http={} epoch={}",
                announcement.proxies(),
                announcement.http(),
                beat.epoch());
        announcer.begin();
        return announcer;
    }

    private static Beat beat(WorkerConfig config, HostPort http, Optional<KvConnector> connector) {
        String name = config.transfer().map(KvTransferConfig::engineId).orElse("");
        int port = connector.flatMap(KvConnector::address).orElse(http).port();
        return new Beat(
                http,
                System.currentTimeMillis() << 10 | RANDOM.nextInt(1 << 10),
                PROCESS,
                name.isEmpty() ? "kvlink-" + port : name,
                config.modelName(),
                version(),
                protocol(config, connector),
                connector.map(KvConnector::capabilities).orElse(Set.of()));
    }

    private static String protocol(WorkerConfig config, Optional<KvConnector> connector) {
        String own = connector.map(KvConnector::protocol).orElse("");
        return own.isEmpty() ? config.transfer().map(KvTransferConfig::connector).orElse("") : own;
    }

    private static String version() {
        String version = Announcer.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    /** Says whether requests should come here; proxies hear of it at once. Any thread. */
    public void wanted(boolean now) {
        if (thread != null) {
            commands.add(() -> links.forEach(link -> link.wanted(now)));
        }
    }

    /** Reason why no heartbeat is sent any more, although some should be. Any thread. */
    public Optional<String> fault() {
        return thread == null || thread.isAlive()
                ? Optional.empty()
                : Optional.of("thread=kv-announce has ended; see the log");
    }

    /** Says goodbye and ends the thread, within a bounded time. Twice does nothing. */
    @Override
    public void close() {
        if (thread == null) {
            return;
        }
        commands.add(() -> closing = true);
        try {
            thread.join(CLOSE_MS);
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            log.warn("thread=kv-announce still runs {} ms after close", CLOSE_MS);
        }
    }

    private void begin() {
        if (thread != null) {
            thread.setDaemon(true);
            thread.start();
        }
    }

    // From here on: the announcer's thread.

    private void run() {
        try (ZmqContext context = new ZmqContext();
                NameResolver resolver = new NameResolver()) {
            for (HostPort proxy : proxies) {
                links.add(new ProxyLink(context, resolver, proxy, beats, this::wake));
            }
            try {
                serve();
            } finally {
                links.forEach(ProxyLink::close);
            }
        } catch (InterruptedException cause) {
            log.warn("thread=kv-announce was interrupted, so no more heartbeats are sent");
        } catch (RuntimeException cause) {
            log.error("thread=kv-announce ends; restart the process", cause);
        }
    }

    private void serve() throws InterruptedException {
        while (!closing) {
            long nowNs = System.nanoTime();
            long waitNs = Long.MAX_VALUE;
            for (ProxyLink link : links) {
                waitNs = Math.min(waitNs, link.tick(nowNs) - nowNs);
            }
            Runnable command = commands.poll(waitNs, TimeUnit.NANOSECONDS);
            if (command != null) {
                command.run();
            }
        }
    }

    private void wake() {
        commands.add(() -> {});
    }
}
