// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.announce;

import io.kvlink.spi.HostPort;
import io.kvlink.zmq.NameResolver;
import io.kvlink.zmq.ZmqContext;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZMQ;

/**
 * Heartbeats to one proxy: one every 3 s, and a goodbye when the instance takes no more requests.
 * Nobody answers, and nothing here waits for the proxy. Owned by the announcer's thread.
 */
final class ProxyLink implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ProxyLink.class);
    private static final long PERIOD_NS = TimeUnit.SECONDS.toNanos(3);
    // The next version's goodbye may come after this one's first beat, which then doesn't count.
    private static final long REVIVED_NS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int LINGER_MS = 500;
    // A proxy that is away gets these few, the oldest, when it comes; a bye takes them back.
    private static final int QUEUE = 2;
    private static final int MAX_ANSWER_BYTES = 1024;

    /** Bytes of heartbeats. */
    interface Beats {
        /** Bytes of the heartbeat of this moment, or of the goodbye; empty if there is none. */
        Optional<byte[]> pack(boolean bye);
    }

    private final ZmqContext context;
    private final NameResolver resolver;
    private final HostPort proxy;
    private final Beats beats;
    private final Runnable found;
    private ZMQ.@Nullable Socket socket;
    private CompletableFuture<String> lookup;
    private String connectedTo = "";
    private @Nullable Long nextNs;
    private boolean everKnown;
    private boolean wanted = true;
    private boolean revived;
    private boolean closed;
    private int failures;

    /**
     * Begins with the first {@link #tick}.
     *
     * @param context whose sockets to use; closed after this
     * @param resolver looks the proxy's name up
     * @param proxy where to send
     * @param beats what to say
     * @param found told, on another thread, that the name was looked up: a tick may be due
     */
    ProxyLink(
            ZmqContext context,
            NameResolver resolver,
            HostPort proxy,
            Beats beats,
            Runnable found) {
        this.context = context;
        this.resolver = resolver;
        this.proxy = proxy;
        this.beats = beats;
        this.found = found;
        this.lookup = resolver.resolve(proxy.host(), found);
    }

    /**
     * Sends a beat if one is due.
     *
     * @param nowNs the time
     * @return when the next one is due; sooner if the proxy's name wasn't known and is found
     */
    long tick(long nowNs) {
        boolean known = lookup.isDone() && !lookup.isCompletedExceptionally();
        boolean first = !everKnown && known;
        if (nextNs != null && (closed || (!first && nowNs - nextNs < 0))) {
            return nextNs;
        }
        nextNs = nowNs + (revived ? REVIVED_NS : PERIOD_NS);
        revived = false;
        if (closed) {
            return nextNs;
        }
        everKnown |= known;
        guarded(
                () -> {
                    if (known) {
                        connect(lookup.join());
                    }
                    if (wanted) {
                        // Refused if the proxy is away: the queue holds beats that say the same.
                        send(false);
                    }
                });
        if (lookup.isDone()) {
            // The proxy may move, and its name with it.
            lookup = resolver.resolve(proxy.host(), found);
        }
        return nextNs;
    }

    /** Says bye at once, and nothing until requests are wanted again; then a beat is due. */
    void wanted(boolean now) {
        if (wanted && !now && !closed) {
            guarded(this::sayBye);
        }
        if (!wanted && now) {
            nextNs = null;
            revived = true;
        }
        wanted = now;
    }

    /** Says bye, for which a proxy that listens has half a second. Closing twice does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (wanted) {
            guarded(this::sayBye);
        }
        if (socket != null) {
            socket.setLinger(LINGER_MS);
            socket.close();
        }
    }

    // A proxy that is away would take the beats that wait for news when it comes.
    private void sayBye() {
        ZMQ.Socket open = socket;
        if (open != null && !send(true)) {
            socket = null;
            connectedTo = "";
            open.close();
        }
    }

    /** False if the socket takes no more. */
    private boolean send(boolean bye) {
        ZMQ.Socket open = socket;
        Optional<byte[]> beat = open == null ? Optional.empty() : beats.pack(bye);
        return open == null || beat.isEmpty() || open.send(beat.get(), ZMQ.DONTWAIT);
    }

    /** A failure costs one beat: the next one is due as ever. */
    private void guarded(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException cause) {
            failures++;
            if (Integer.bitCount(failures) == 1) {
                log.warn("proxy={} count={}; a heartbeat is left out", proxy, failures, cause);
            }
        }
    }

    private void connect(String ip) {
        if (ip.equals(connectedTo)) {
            return;
        }
        ZMQ.Socket fresh = context.socket(SocketType.DEALER, QUEUE, QUEUE, MAX_ANSWER_BYTES);
        try {
            fresh.setIdentity(context.freshIdentity());
            fresh.connect("tcp://" + new HostPort(ip, proxy.port()));
        } catch (RuntimeException cause) {
            fresh.close();
            throw cause;
        }
        if (socket != null) {
            socket.close();
        }
        socket = fresh;
        connectedTo = ip;
    }
}
