// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.TcpEndpoint;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Hello;
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
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sockets of a plane between GPUs: who waits for whom, and what is where. Strangers must show
 * the secret of the endpoint first. Device thread, but for {@link #wakeup}.
 */
public final class SideChannel implements AutoCloseable {

    /** Hears of links. A listener may send on, leave or close any link. */
    interface Listener {
        /** A peer has introduced itself on a link that it dialled. */
        void onAccepted(Link link);

        /** A frame has come on an open or leaving link. */
        void onFrame(Link link, LinkFrame frame);

        /** The link is closed, by the peer or by a failure. */
        void onClosed(Link link, String reason);
    }

    private static final Logger log = LoggerFactory.getLogger(SideChannel.class);
    private static final int MOST_STRANGERS = 64;
    private static final int MOST_LINKS = 1024;
    private static final long OPENING_NS = TimeUnit.SECONDS.toNanos(5);

    private final Listener listener;
    private final Selector selector;
    private final ServerSocketChannel door;
    private final Token secret = Token.random();
    private final TcpEndpoint address;
    private final FailureLog failures = new FailureLog(log);
    private final Set<Link> links = new HashSet<>();
    // Links that broke outside of poll, where a listener doesn't expect to be called.
    private final Set<Link> broken = new HashSet<>();
    private final Set<Link> unflushed = new HashSet<>();
    private final Consumer<SelectionKey> onReady = this::onReady;
    private final AtomicBoolean woken = new AtomicBoolean();
    // Links with frames that were read and not heard: a listener threw.
    private final Set<Link> unheard = new HashSet<>();
    private long lastLink;
    private long nowNs;
    private boolean timed;
    private int workCount;

    private SideChannel(Listener listener, Selector selector, ServerSocketChannel door)
            throws IOException {
        this.listener = listener;
        this.selector = selector;
        this.door = door;
        address = new TcpEndpoint((InetSocketAddress) door.getLocalAddress(), secret);
        door.register(selector, SelectionKey.OP_ACCEPT);
    }

    /**
     * Listens on a free port.
     *
     * @param host the address, as a name or in digits; a concrete one
     * @param listener told of links, within {@link #poll}
     */
    static SideChannel open(String host, Listener listener) {
        Selector selector = null;
        ServerSocketChannel door = null;
        try {
            selector = Selector.open();
            door = ServerSocketChannel.open();
            door.bind(new InetSocketAddress(InetAddress.getByName(host), 0), 256);
            door.configureBlocking(false);
            return new SideChannel(listener, selector, door);
        } catch (IOException cause) {
            closeQuietly(door);
            closeQuietly(selector);
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_ip=%s: %s; choose an address of this host".formatted(host, cause),
                    cause);
        }
    }

    /** Where it listens. */
    public TcpEndpoint address() {
        return address;
    }

    /**
     * Dials a peer, and introduces this node as soon as it is connected.
     *
     * @param peer where to
     * @param peerText the endpoint that the peer is known by
     * @param selfText who calls
     * @return the link; frames may be sent at once, and are queued
     * @throws IOException if not even that works
     */
    Link dial(GpuEndpoint peer, String peerText, String selfText) throws IOException {
        SocketChannel socket = SocketChannel.open();
        try {
            socket.configureBlocking(false);
            socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            boolean connected = socket.connect(peer.channel().socketAddress());
            SelectionKey key = socket.register(selector, SelectionKey.OP_CONNECT);
            Link link = new Link(++lastLink, true, socket, key, nowNs);
            key.attach(link);
            link.endpoint = peerText;
            link.peer = peer;
            links.add(link);
            send(link, new Hello(peer.channel().secret(), selfText));
            if (connected) {
                link.connect();
            }
            return link;
        } catch (IOException | RuntimeException cause) {
            links.removeIf(link -> link.isOf(socket));
            socket.close();
            throw cause;
        }
    }

    /**
     * Sends a frame with the next {@link #flush}; a link that can't is closed, and its listener
     * told within {@link #poll}.
     */
    public void send(Link link, LinkFrame frame) {
        try {
            link.queue(frame);
            unflushed.add(link);
        } catch (IOException cause) {
            failures.failed("side channel", link + " " + cause);
            broken.add(link);
        }
    }

    /** Hands the sockets what was sent: what belongs together travels together. */
    void flush() {
        for (Link link : unflushed) {
            try {
                link.flush();
            } catch (IOException cause) {
                failures.failed("side channel", link + " " + cause);
                broken.add(link);
            }
        }
        unflushed.clear();
    }

    /** Closes a link without telling the listener. */
    void close(Link link) {
        flush(); // It may have said goodbye just now.
        link.close();
        links.remove(link);
        unheard.remove(link);
    }

    /** Reads and writes what is there. */
    int poll(long now) {
        nowNs = now;
        workCount = 0;
        if (!timed) {
            timed = true;
            links.forEach(link -> link.sinceNs = now); // They were dialled before there was time.
        }
        List.copyOf(unheard).forEach(this::hear);
        try {
            selector.selectNow(onReady);
        } catch (IOException cause) {
            throw new KvConnectorException(KvError.INTERNAL, "side channel select", cause);
        }
        for (Link link : List.copyOf(broken)) {
            broken.remove(link);
            closed(link, "the connection broke");
        }
        return workCount;
    }

    /** Closes links that took too long to open. Now and then. */
    void closeOverdue(long now) {
        for (Link link : List.copyOf(links)) {
            if (link.state == Link.State.OPENING && now - link.sinceNs > OPENING_NS) {
                closed(link, "no introduction in time");
            }
        }
    }

    private void onReady(SelectionKey key) {
        if (!key.isValid()) {
            return;
        }
        workCount++;
        if (key.isAcceptable()) {
            accept();
            return;
        }
        Link link = (Link) key.attachment();
        try {
            if (key.isConnectable()) {
                link.connect();
            }
            if (key.isValid() && key.isWritable()) {
                link.flush();
            }
            if (key.isValid() && key.isReadable()) {
                read(link);
            }
        } catch (IOException | KvConnectorException cause) {
            failures.failed("side channel", link + " " + cause);
            closed(link, String.valueOf(cause));
        }
    }

    private void accept() {
        SocketChannel socket = null;
        try {
            socket = door.accept();
            if (socket == null) {
                return;
            }
            long strangers = links.stream().filter(link -> link.endpoint.isEmpty()).count();
            if (strangers >= MOST_STRANGERS || links.size() >= MOST_LINKS) {
                failures.failed("side channel full", "links=" + links.size());
                socket.close();
                return;
            }
            socket.configureBlocking(false);
            socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            SelectionKey key = socket.register(selector, SelectionKey.OP_READ);
            Link link = new Link(++lastLink, false, socket, key, nowNs);
            key.attach(link);
            links.add(link);
        } catch (IOException cause) {
            failures.failed("side channel accept", cause);
            closeQuietly(socket);
        }
    }

    private void read(Link link) throws IOException {
        boolean more = link.read();
        hearFrames(link);
        if (!more && link.state != Link.State.CLOSED) {
            closed(link, "the peer closed the connection");
        }
    }

    private void hear(Link link) {
        try {
            hearFrames(link);
        } catch (IOException | KvConnectorException cause) {
            failures.failed("side channel", link + " " + cause);
            closed(link, String.valueOf(cause));
        }
    }

    private void hearFrames(Link link) throws IOException {
        unheard.add(link);
        LinkFrame frame;
        while (link.state != Link.State.CLOSED && (frame = link.next()) != null) {
            if (link.endpoint.isEmpty()) {
                introduce(link, frame);
            } else {
                listener.onFrame(link, frame);
            }
        }
        unheard.remove(link);
    }

    private void introduce(Link link, LinkFrame frame) throws IOException {
        if (!(frame instanceof Hello hello) || !hello.secret().matches(secret)) {
            throw new IOException("a stranger without the secret");
        }
        Optional<GpuEndpoint> peer = GpuEndpoint.parse(hello.endpoint());
        if (peer.isEmpty()) {
            throw new IOException("endpoint=" + hello.endpoint());
        }
        link.endpoint = hello.endpoint();
        link.peer = peer.get();
        link.state = Link.State.OPEN;
        link.wasOpen = true;
        listener.onAccepted(link);
    }

    private void closed(Link link, String reason) {
        boolean known = links.remove(link);
        unheard.remove(link);
        boolean introduced = !link.endpoint.isEmpty();
        link.close();
        if (known && introduced) {
            listener.onClosed(link, reason);
        }
    }

    /**
     * Waits for frames, for {@link #wakeup}, or for time to pass.
     *
     * @param maxNs how long at most
     */
    void idle(long maxNs) {
        flush();
        if (woken.getAndSet(false) || !broken.isEmpty() || maxNs <= 0) {
            return;
        }
        try {
            // It counts in milliseconds, and 0 is for ever. What it finds, poll finds again.
            selector.select(Math.max(1, TimeUnit.NANOSECONDS.toMillis(maxNs)));
            selector.selectedKeys().clear();
        } catch (IOException cause) {
            throw new KvConnectorException(KvError.INTERNAL, "side channel select", cause);
        }
        woken.set(false);
    }

    /** Ends {@link #idle}, now or the next time. From any thread. */
    void wakeup() {
        if (woken.compareAndSet(false, true)) {
            selector.wakeup();
        }
    }

    @Override
    public void close() {
        links.forEach(Link::close);
        links.clear();
        closeQuietly(door);
        closeQuietly(selector);
    }

    private static void closeQuietly(@Nullable AutoCloseable resource) {
        if (resource != null) {
            try {
                resource.close();
            } catch (Exception cause) {
                log.debug("close: {}", cause.toString());
            }
        }
    }
}
