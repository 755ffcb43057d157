// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Hello;
import io.kvlink.p2p.internal.plane.socket.Connection;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import io.kvlink.p2p.internal.plane.socket.Sockets;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The links of a plane between GPUs, which say who waits for whom, and what is where. A visitor
 * must show the secret of the endpoint first. Device thread, but for {@link #wakeup}.
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
    private static final int MOST_LINKS = 1024;
    private static final Sockets.Limits LIMITS =
            new Sockets.Limits(64, TimeUnit.SECONDS.toNanos(5), TimeUnit.SECONDS.toNanos(5));

    private final Listener listener;
    private final Sockets sockets;
    private final SecretAddress address;
    // Links with frames that were read and not heard: a listener threw.
    private final Set<Link> unheard = new HashSet<>();
    private long lastLink;

    private SideChannel(String host, Listener listener) throws IOException {
        this.listener = listener;
        sockets = Sockets.listen(host, 0, LIMITS, new FailureLog(log), this::accept);
        address = new SecretAddress(sockets.address(), Token.random());
    }

    /**
     * Listens on a free port.
     *
     * @param host the address, as a name or in digits; a concrete one
     * @param listener told of links, within {@link #poll}
     */
    static SideChannel open(String host, Listener listener) {
        try {
            return new SideChannel(host, listener);
        } catch (IOException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_ip=%s: %s; choose an address of this host".formatted(host, cause),
                    cause);
        }
    }

    /** The address that peers dial. */
    public SecretAddress address() {
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
        Link link =
                sockets.dial(
                        peer.channel().socketAddress(),
                        connection -> new Link(this, connection, ++lastLink, true));
        link.endpoint = peerText;
        link.peer = peer;
        send(link, new Hello(peer.channel().secret(), selfText));
        return link;
    }

    private Link accept(Connection connection) {
        return new Link(this, connection, ++lastLink, false);
    }

    /**
     * Sends a frame when the channel is {@link #flush}ed; a link that can't is closed, and its
     * listener told within {@link #poll}.
     */
    public void send(Link link, LinkFrame frame) {
        link.queue(frame);
    }

    /** Hands the sockets what was sent: what belongs together travels together. */
    void flush() {
        sockets.runScheduled();
    }

    /** Closes a link without telling the listener. */
    void close(Link link) {
        link.flush(); // It may have said goodbye just now.
        link.close();
        unheard.remove(link);
    }

    /** Reads and writes what is there. */
    int poll(long now) {
        List.copyOf(unheard).forEach(Link::hear);
        return sockets.poll(now);
    }

    /** Closes links that took too long to open, now and then; true if it did. */
    boolean sweep() {
        return sockets.sweep();
    }

    /** Tells of the frames that a link has read. */
    void hear(Link link) throws IOException {
        unheard.add(link);
        for (LinkFrame frame; link.state != Link.State.CLOSED && (frame = link.next()) != null; ) {
            if (link.endpoint.isEmpty()) {
                introduce(link, frame);
            } else {
                listener.onFrame(link, frame);
            }
        }
        unheard.remove(link);
    }

    private void introduce(Link link, LinkFrame frame) throws IOException {
        if (!(frame instanceof Hello hello) || !hello.secret().matches(address.secret())) {
            throw new IOException("a stranger without the secret");
        }
        if (sockets.size() > MOST_LINKS) {
            throw new IOException("more links than " + MOST_LINKS);
        }
        GpuEndpoint peer =
                GpuEndpoint.parse(hello.endpoint())
                        .orElseThrow(() -> new IOException("endpoint=" + hello.endpoint()));
        link.introduced(hello.endpoint(), peer);
        listener.onAccepted(link);
    }

    void onClosed(Link link, String reason) {
        unheard.remove(link);
        if (!link.endpoint.isEmpty()) {
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
        sockets.idle(maxNs);
    }

    /** Ends {@link #idle}, now or the next time. From any thread. */
    void wakeup() {
        sockets.wakeup();
    }

    @Override
    public void close() {
        sockets.close();
    }
}
