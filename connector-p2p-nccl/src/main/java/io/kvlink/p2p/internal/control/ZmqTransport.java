// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.zmq.NameResolver;
import io.kvlink.zmq.ZmqContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.zeromq.SocketType;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * Frames over JeroMQ: one ROUTER that others dial, one DEALER for each link that was dialled.
 *
 * <p>Thread: the constructor binds on its caller's thread; from then on all methods but {@link
 * #wakeup} belong to the control thread, which must get the transport through a happens-before
 * edge, such as {@link Thread#start()}. Don't interrupt that thread. JeroMQ has two threads of its
 * own, {@code kv-zmq-*}.
 *
 * <p>A DEALER's identity is random, so a ROUTER can't take a restarted peer for its predecessor,
 * and nobody can guess another's. A dialled link reconnects by itself; what is behind it after that
 * may be another process, which sessions find out.
 */
public final class ZmqTransport implements ControlTransport {

    // Frames queued for one link, and come from one link: back-pressure beyond.
    private static final int SEND_QUEUE = 1024;
    private static final int RECEIVE_QUEUE = 256;
    // What was sent just before closing, a Bye say, may still leave within this time.
    private static final int LAST_WORDS_MS = 100;
    private static final long NS_PER_MS = TimeUnit.MILLISECONDS.toNanos(1);

    private final ZmqContext context = new ZmqContext();
    private final NameResolver resolver = new NameResolver();
    private final List<DialledLink> dialled = new ArrayList<>();
    private final HostPort address;
    private final ZMQ.Socket router;
    private final ZMQ.Poller poller;
    private final WakeupPipe wakeup;
    // The source that the next poll begins with: the ROUTER is 0, links follow.
    private int turn;
    private long dropped;
    private boolean closed;

    /**
     * Binds.
     *
     * @param host {@code kv_ip}: a name or an address of this host
     * @param port {@code kv_port}; 0 takes any free one
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if that can't be bound
     */
    public ZmqTransport(String host, int port) {
        String ip = localIp(host);
        router =
                context.socket(
                        SocketType.ROUTER, SEND_QUEUE, RECEIVE_QUEUE, FrameCodec.MAX_FRAME_BYTES);
        // A send to a peer that isn't there says so. A peer that comes again takes its place.
        router.setRouterMandatory(true);
        router.setRouterHandover(true);
        try {
            address = new HostPort(host, bind(ip, port));
        } catch (KvConnectorException cause) {
            router.close();
            context.close();
            throw cause;
        }
        poller = context.poller();
        poller.register(router, ZMQ.Poller.POLLIN);
        wakeup = new WakeupPipe(poller);
    }

    @Override
    public HostPort address() {
        return address;
    }

    /** Number of messages that weren't one frame and were dropped. */
    public long dropped() {
        return dropped;
    }

    @Override
    public Link dial(HostPort peer) {
        ZMQ.Socket socket =
                context.socket(
                        SocketType.DEALER, SEND_QUEUE, RECEIVE_QUEUE, FrameCodec.MAX_FRAME_BYTES);
        socket.setIdentity(context.freshIdentity());
        DialledLink link =
                new DialledLink(
                        peer, socket, SEND_QUEUE, resolver.resolve(peer.host(), this::wakeup));
        dialled.add(link);
        poller.register(socket, ZMQ.Poller.POLLIN);
        return link;
    }

    /** The frame's array belongs to the transport from here on. */
    @Override
    public boolean send(Link link, byte[] frame) {
        if (frame.length > FrameCodec.MAX_FRAME_BYTES) {
            throw new IllegalArgumentException("bytes=" + frame.length);
        }
        if (link instanceof DialledLink out) {
            return out.send(frame);
        }
        return link instanceof InboundLink in && answer(in.identity, frame);
    }

    @Override
    public void hangUp(Link link) {
        if (link instanceof DialledLink out && dialled.remove(out)) {
            poller.unregister(out.socket());
            out.close(LAST_WORDS_MS);
        }
    }

    @Override
    public int poll(Handler handler, int most) {
        int count = 0;
        int sources = 1 + dialled.size();
        for (int i = 0; i < sources && count < most; i++) {
            // The handler may dial and hang up: the list is looked at anew each time.
            turn = turn < dialled.size() ? turn + 1 : 0;
            count +=
                    turn == 0
                            ? pollRouter(handler, most - count)
                            : pollDialled(dialled.get(turn - 1), handler, most - count);
        }
        return count;
    }

    /** Waits in whole milliseconds, rounded up: that's as fine as a selector is. */
    @Override
    public void idle(long maxNs) {
        poller.poll(maxNs <= 0 ? 0 : (maxNs - 1) / NS_PER_MS + 1);
        wakeup.clear();
    }

    @Override
    public void wakeup() {
        wakeup.signal();
    }

    /** Waits a moment for what was sent last, then closes. Closing twice does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (DialledLink link : dialled) {
            link.close(LAST_WORDS_MS);
        }
        dialled.clear();
        router.setLinger(LAST_WORDS_MS);
        router.close();
        wakeup.close();
        poller.close();
        resolver.close();
        context.close();
    }

    @Override
    public Optional<String> fault() {
        return context.fault();
    }

    private int pollRouter(Handler handler, int most) {
        int count = 0;
        for (byte[] identity;
                count < most && (identity = router.recv(ZMQ.DONTWAIT)) != null;
                count++) {
            byte[] frame = onlyPart(router, router.recv(ZMQ.DONTWAIT));
            if (frame != null) {
                handler.onFrame(new InboundLink(identity), frame);
            }
        }
        return count;
    }

    private int pollDialled(DialledLink link, Handler handler, int most) {
        int count = 0;
        for (byte[] part; count < most && (part = link.receive()) != null; count++) {
            byte[] frame = onlyPart(link.socket(), part);
            if (frame != null) {
                handler.onFrame(link, frame);
            }
        }
        return count;
    }

    // Our peers send one part. JeroMQ hands a message out only when all of its parts are there.
    private byte @Nullable [] onlyPart(ZMQ.Socket socket, byte @Nullable [] part) {
        if (part != null && !socket.hasReceiveMore()) {
            return part;
        }
        dropped++;
        while (socket.hasReceiveMore() && socket.recv(ZMQ.DONTWAIT) != null) {
            // Skip the rest.
        }
        return null;
    }

    private boolean answer(byte[] identity, byte[] frame) {
        try {
            return router.send(identity, ZMQ.SNDMORE | ZMQ.DONTWAIT)
                    && router.send(frame, ZMQ.DONTWAIT);
        } catch (ZMQException cause) {
            if (cause.getErrorCode() == ZMQ.Error.EHOSTUNREACH.getCode()) {
                return false;
            }
            throw cause;
        }
    }

    private int bind(String ip, int port) {
        String endpoint = "tcp://" + (ip.indexOf(':') >= 0 ? "[" + ip + "]" : ip) + ":" + port;
        try {
            router.bind(endpoint);
        } catch (ZMQException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_port=%d can't be bound at kv_ip=%s (in use, or not permitted); 0 takes any free port"
                            .formatted(port, ip),
                    cause);
        }
        String bound = router.getLastEndpoint();
        return Integer.parseInt(bound.substring(bound.lastIndexOf(':') + 1));
    }

    // JeroMQ says "in use" for every reason; an address that isn't ours deserves its own message.
    private static String localIp(String host) {
        try {
            InetAddress ip = InetAddress.getByName(host);
            if (ip.isAnyLocalAddress()) {
                throw badHost(host, "is no address that others can dial", null);
            }
            try (ServerSocket probe = new ServerSocket()) {
                probe.bind(new InetSocketAddress(ip, 0));
            }
            return ip.getHostAddress();
        } catch (UnknownHostException cause) {
            throw badHost(host, "is unknown", cause);
        } catch (IOException cause) {
            throw badHost(host, "is no address of this host", cause);
        }
    }

    private static KvConnectorException badHost(
            String host, String why, @Nullable Throwable cause) {
        return new KvConnectorException(
                KvError.BAD_CONFIG,
                "kv_ip=" + host + " " + why + "; give the address that other instances reach",
                cause);
    }

    /** A link that dialled this node, known by its DEALER's identity. */
    private static final class InboundLink implements Link {

        private final byte[] identity;
        private final int hash;

        InboundLink(byte[] identity) {
            this.identity = identity;
            this.hash = Arrays.hashCode(identity);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof InboundLink link && Arrays.equals(identity, link.identity);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public String toString() {
            return "inbound:" + HexFormat.of().formatHex(identity);
        }
    }
}
