// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.announce;

import io.kvlink.spi.HostPort;
import io.kvlink.zmq.NameResolver;
import io.kvlink.zmq.ZmqContext;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.zeromq.SocketType;
import org.zeromq.ZMQ;

/**
 * Heartbeats to one proxy: one every 3 s, and a goodbye when the instance takes no more requests.
 * Nobody answers, and nothing here waits for the proxy. Owned by the announcer's thread.
 */
final class ProxyLink implements AutoCloseable {

    private static final long PERIOD_NS = TimeUnit.SECONDS.toNanos(3);
    // The next version's goodbye may come after this one's first beat, which then doesn't count.
    private static final long REVIVED_NS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int LINGER_MS = 500;
    // Old beats say little: a proxy that is away gets these few, and the bye.
    private static final int QUEUE = 2;
    private static final int MAX_ANSWER_BYTES = 1024;

    /** Bytes of heartbeats. */
    interface Beats {
        /** Bytes of the heartbeat of this moment, or of the goodbye. */
        byte[] pack(boolean bye);
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
    private boolean wanted = true;
    private boolean revived;
    private boolean closed;

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
        boolean first = socket == null && known;
        if (nextNs != null && (closed || (!first && nowNs - nextNs < 0))) {
            return nextNs;
        }
        nextNs = nowNs + (revived ? REVIVED_NS : PERIOD_NS);
        revived = false;
        if (closed) {
            return nextNs;
        }
        if (known) {
            connect(lookup.join());
        }
        if (socket != null && wanted) {
            // Refused if the proxy is away: the queue holds beats that say much the same.
            socket.send(beats.pack(false), ZMQ.DONTWAIT);
        }
        if (lookup.isDone()) {
            // The proxy may move, and its name with it.
            lookup = resolver.resolve(proxy.host(), found);
        }
        return nextNs;
    }

    /** Says bye at once, and nothing until requests are wanted again; then a beat is due. */
    void wanted(boolean now) {
        if (wanted && !now && socket != null && !closed) {
            socket.send(beats.pack(true), ZMQ.DONTWAIT);
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
        if (socket != null) {
            if (wanted) {
                socket.send(beats.pack(true), ZMQ.DONTWAIT);
            }
            socket.setLinger(LINGER_MS);
            socket.close();
        }
    }

    private void connect(String ip) {
        if (ip.equals(connectedTo)) {
            return;
        }
        if (socket != null) {
            socket.close();
        }
        ZMQ.Socket fresh = context.socket(SocketType.DEALER, QUEUE, QUEUE, MAX_ANSWER_BYTES);
        fresh.setIdentity(context.freshIdentity());
        fresh.connect("tcp://" + new HostPort(ip, proxy.port()));
        socket = fresh;
        connectedTo = ip;
    }
}
