// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.socket;

import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.socket.Connection.Handler;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All sockets of one plane: the door that peers dial, the connections, and the selector that serves
 * them. Device thread, but for {@link #wakeup}; nothing but {@link #idle} waits.
 *
 * <p>An accepted connection is a stranger until its handler admits it. Strangers are few. When
 * there are too many the oldest leaves, so that they can't keep a peer out.
 */
public final class Sockets implements AutoCloseable {

    /**
     * Limits of the patience with peers that aren't known.
     *
     * @param strangers how many may be connected
     * @param greetingNs how long one may take to show the secret
     * @param connectNs how long a dialled peer may take to accept
     */
    public record Limits(int strangers, long greetingNs, long connectNs) {}

    private static final Logger log = LoggerFactory.getLogger(Sockets.class);
    private static final int BACKLOG = 256;
    private static final int ACCEPTS_PER_POLL = 16;
    // For a machine out of descriptors, on which accepting fails again at once.
    private static final long ACCEPT_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long SWEEP_NS = TimeUnit.MILLISECONDS.toNanos(10);

    private final Selector selector;
    private final ServerSocketChannel door;
    private final SelectionKey doorKey;
    private final Limits limits;
    private final FailureLog failures;
    private final Function<Connection, ? extends Handler> visitors;
    private final Consumer<SelectionKey> onReady = this::onReady;
    // Set by any thread, cleared by idle: selectNow swallows the selector's own wake-ups.
    private final AtomicBoolean woken = new AtomicBoolean();

    private final Set<Connection> connections = new LinkedHashSet<>();
    private final Set<Connection> strangers = new LinkedHashSet<>();
    // Dialled, broken, or to be written to, since their last turn.
    private final ArrayDeque<Connection> scheduled = new ArrayDeque<>();

    private boolean polled;
    private long nowNs;
    private long sweepNs;
    private boolean acceptPaused;
    private long acceptAgainNs;
    private int workCount;

    private Sockets(
            Selector selector,
            ServerSocketChannel door,
            Limits limits,
            FailureLog failures,
            Function<Connection, ? extends Handler> visitors)
            throws IOException {
        this.selector = selector;
        this.door = door;
        this.limits = limits;
        this.failures = failures;
        this.visitors = visitors;
        door.configureBlocking(false);
        doorKey = door.register(selector, SelectionKey.OP_ACCEPT);
    }

    /**
     * Listens.
     *
     * @param host the address, as a name or in digits
     * @param port the port, 0 for any
     * @param limits its limits
     * @param failures the log of what goes wrong
     * @param visitors makes the handlers of accepted connections
     * @throws IOException if that address can't be had
     */
    public static Sockets listen(
            String host,
            int port,
            Limits limits,
            FailureLog failures,
            Function<Connection, ? extends Handler> visitors)
            throws IOException {
        Selector selector = Selector.open();
        ServerSocketChannel door = null;
        try {
            door = ServerSocketChannel.open();
            // A restart must not wait until the kernel has forgotten the old connections.
            door.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            door.bind(new InetSocketAddress(InetAddress.getByName(host), port), BACKLOG);
            return new Sockets(selector, door, limits, failures, visitors);
        } catch (IOException | RuntimeException cause) {
            closeQuietly(door);
            closeQuietly(selector);
            throw cause;
        }
    }

    /** The address that is listened on. */
    public InetSocketAddress address() {
        try {
            return (InetSocketAddress) door.getLocalAddress();
        } catch (IOException cause) {
            throw new IllegalStateException("the door is closed", cause);
        }
    }

    /** Connections that aren't closed. */
    public int size() {
        return connections.size();
    }

    /**
     * Dials a peer. The handler hears of whatever goes wrong, by a poll that follows.
     *
     * @param address where to
     * @param handling makes the connection's handler, which may queue bytes at once
     * @return the handler
     * @throws IOException if there is no socket to be had
     */
    public <H extends Handler> H dial(InetSocketAddress address, Function<Connection, H> handling)
            throws IOException {
        Connection connection = add(SocketChannel.open(), address.toString(), true);
        H handler = handling.apply(connection);
        connection.handledBy(handler);
        connection.connect(address);
        return handler;
    }

    private Connection add(SocketChannel channel, String peer, boolean isDialled)
            throws IOException {
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            SelectionKey key = channel.register(selector, isDialled ? 0 : SelectionKey.OP_READ);
            Connection connection = new Connection(this, channel, key, peer, isDialled, nowNs);
            key.attach(connection);
            connections.add(connection);
            return connection;
        } catch (IOException | RuntimeException cause) {
            closeQuietly(channel);
            throw cause;
        }
    }

    /**
     * Serves the sockets that are ready.
     *
     * @param now the time
     * @return how much was done
     */
    public int poll(long now) {
        if (!polled) {
            polled = true;
            sweepNs = now;
        }
        nowNs = now;
        workCount = 0;
        serveReady();
        return workCount;
    }

    /** Serves what idle has found, which is still worth a look, or else what is ready now. */
    private void serveReady() {
        Set<SelectionKey> found = selector.selectedKeys();
        if (!found.isEmpty()) {
            found.forEach(onReady);
            found.clear();
            return;
        }
        try {
            selector.selectNow(onReady);
        } catch (IOException cause) {
            throw new KvConnectorException(KvError.INTERNAL, "select", cause);
        }
    }

    private void onReady(SelectionKey key) {
        // The handler of an earlier key may have closed this one's channel.
        if (key.isValid()) {
            workCount +=
                    key.attachment() instanceof Connection connection
                            ? connection.onReady(nowNs)
                            : accept();
        }
    }

    private int accept() {
        for (int accepted = 0; accepted < ACCEPTS_PER_POLL; accepted++) {
            try {
                SocketChannel channel = door.accept();
                if (channel == null) {
                    return accepted;
                }
                admitStranger(channel);
            } catch (IOException cause) {
                failures.failed("a connection was not accepted", cause.toString());
                acceptPaused = true;
                acceptAgainNs = nowNs + ACCEPT_PAUSE_NS;
                doorKey.interestOps(0);
                return accepted;
            }
        }
        return ACCEPTS_PER_POLL;
    }

    private void admitStranger(SocketChannel channel) {
        try {
            Connection stranger = add(channel, String.valueOf(channel.getRemoteAddress()), false);
            stranger.handledBy(visitors.apply(stranger));
            strangers.add(stranger);
        } catch (IOException cause) {
            closeQuietly(channel); // It has gone again.
            return;
        }
        if (strangers.size() > limits.strangers()) {
            failures.failed("too many strangers; the oldest leaves", "limit=" + limits.strangers());
            strangers.iterator().next().end("too many strangers");
        }
    }

    /**
     * Gives a turn to those that asked for one. After {@link #poll}, which tells of connections
     * that the other side has closed.
     *
     * @return how much was done
     */
    public int runScheduled() {
        int done = 0;
        for (int count = scheduled.size(); count > 0; count--) {
            done += scheduled.remove().onScheduled(nowNs);
        }
        return done;
    }

    /**
     * Closes what has used up its time, now and then. After reading, so that nobody pays for our
     * delay.
     *
     * @return whether it was time for that
     */
    public boolean sweep() {
        if (nowNs - sweepNs < 0) {
            return false;
        }
        sweepNs = nowNs + SWEEP_NS;
        if (acceptPaused && nowNs - acceptAgainNs >= 0) {
            acceptPaused = false;
            doorKey.interestOps(SelectionKey.OP_ACCEPT);
        }
        for (Connection each : List.copyOf(connections)) {
            String reason = each.overdue(nowNs, limits);
            if (!reason.isEmpty()) {
                each.lose(reason);
            }
        }
        return true;
    }

    /**
     * Waits until a socket is ready, for {@link #wakeup}, or for time to pass.
     *
     * @param maxNs how long at most
     */
    public void idle(long maxNs) {
        if (woken.getAndSet(false) || !scheduled.isEmpty() || maxNs <= 0) {
            return;
        }
        try {
            // The selector counts in milliseconds, and 0 is for ever.
            selector.select(Math.max(1, TimeUnit.NANOSECONDS.toMillis(maxNs)));
        } catch (IOException cause) {
            throw new KvConnectorException(KvError.INTERNAL, "select", cause);
        }
        woken.set(false);
    }

    /** Ends {@link #idle}, now or the next time. From any thread. */
    public void wakeup() {
        if (woken.compareAndSet(false, true)) {
            selector.wakeup();
        }
    }

    void admit(Connection connection) {
        strangers.remove(connection);
    }

    void schedule(Connection connection) {
        scheduled.add(connection);
    }

    void onLost(Connection connection, String reason) {
        failures.failed("a connection was lost", connection + " " + reason);
    }

    void forget(Connection connection) {
        connections.remove(connection);
        strangers.remove(connection);
    }

    /** Closes all sockets; no handler hears of it. */
    @Override
    public void close() {
        closeQuietly(door);
        List.copyOf(connections).forEach(Connection::close);
        closeQuietly(selector);
    }

    static void closeQuietly(@Nullable AutoCloseable resource) {
        if (resource != null) {
            try {
                resource.close();
            } catch (Exception cause) {
                log.debug("close: {}", cause.toString());
            }
        }
    }
}
