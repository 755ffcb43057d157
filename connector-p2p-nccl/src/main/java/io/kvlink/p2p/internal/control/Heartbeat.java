// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvRole;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.zeromq.SocketType;
import org.zeromq.ZMQ;

/**
 * Tells a proxy every 3 s that this instance is there, and that it leaves when it takes no more
 * requests. Nobody answers, and nothing here waits for the proxy. Owned by the control thread;
 * close it before the transport, whose JeroMQ threads it uses.
 *
 * <p>A beat is a MessagePack map: {@code type} (P or D), {@code http_address}, {@code zmq_address},
 * as ever; then {@code epoch}, {@code engine_id}, {@code model} and {@code process}, and in one
 * that says goodbye {@code bye}.
 */
public final class Heartbeat implements AutoCloseable {

    private static final long PERIOD_NS = TimeUnit.SECONDS.toNanos(3);
    // The next version's goodbye may come after this one's first beat, which then doesn't count.
    private static final long REVIVED_NS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int LINGER_MS = 500;
    // Old beats say nothing new: a proxy that is away gets these few, and the bye.
    private static final int QUEUE = 2;
    private static final int MAX_ANSWER_BYTES = 1024;
    // Which process this is. Instances of one process may share an HTTP address, and one that
    // begins there doesn't mean that another has ended.
    private static final long PROCESS = new SecureRandom().nextLong(1, Long.MAX_VALUE);

    /**
     * Instance that sends beats.
     *
     * @param role P for every role that produces, D for the other
     * @param http where it serves requests
     * @param control its control address
     * @param epoch differs for each start of an instance; higher for the later one of a process
     * @param engineId a name for logs
     * @param model the served model; may be empty
     */
    public record Sender(
            KvRole role,
            HostPort http,
            HostPort control,
            long epoch,
            String engineId,
            String model) {}

    private final HostPort proxy;
    private final Sender sender;
    private final ZmqTransport transport;
    private ZMQ.@Nullable Socket socket;
    private CompletableFuture<String> lookup;
    private String connectedTo = "";
    private @Nullable Long nextNs;
    private boolean accepting = true;
    private boolean revived;
    private boolean closed;

    /**
     * Begins with the first {@link #tick}.
     *
     * @param transport whose threads to use
     * @param proxy where to send
     * @param sender what to say
     */
    public Heartbeat(ZmqTransport transport, HostPort proxy, Sender sender) {
        this.transport = transport;
        this.proxy = proxy;
        this.sender = sender;
        this.lookup = transport.resolver().resolve(proxy.host(), transport::wakeup);
    }

    /**
     * Sends a beat if one is due.
     *
     * @param nowNs the time
     * @return when the next one is due; sooner, after a wakeup, if the proxy's name wasn't known
     */
    public long tick(long nowNs) {
        boolean found = lookup.isDone() && !lookup.isCompletedExceptionally();
        boolean first = socket == null && found;
        if (nextNs != null && (closed || (!first && nowNs - nextNs < 0))) {
            return nextNs;
        }
        nextNs = nowNs + (revived ? REVIVED_NS : PERIOD_NS);
        revived = false;
        if (closed) {
            return nextNs;
        }
        if (found) {
            connect(lookup.join());
        }
        if (socket != null && accepting) {
            // Refused if the proxy is away: then the queue holds beats that say the same.
            socket.send(beat(false), ZMQ.DONTWAIT);
        }
        if (lookup.isDone()) {
            // The proxy may move, and its name with it.
            lookup = transport.resolver().resolve(proxy.host(), transport::wakeup);
        }
        return nextNs;
    }

    /** Says bye at once, and nothing until requests are taken again; then a beat is due. */
    public void accepting(boolean now) {
        if (accepting && !now && socket != null && !closed) {
            socket.send(beat(true), ZMQ.DONTWAIT);
        }
        if (!accepting && now) {
            nextNs = null;
            revived = true;
        }
        accepting = now;
    }

    /** Says bye, for which a proxy that listens has half a second. Closing twice does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (socket != null) {
            if (accepting) {
                socket.send(beat(true), ZMQ.DONTWAIT);
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
        ZMQ.Socket fresh =
                transport.context().socket(SocketType.DEALER, QUEUE, QUEUE, MAX_ANSWER_BYTES);
        fresh.setIdentity(transport.freshIdentity());
        fresh.connect("tcp://" + new HostPort(ip, proxy.port()));
        socket = fresh;
        connectedTo = ip;
    }

    private byte[] beat(boolean bye) {
        try (MessageBufferPacker out = MessagePack.newDefaultBufferPacker()) {
            out.packMapHeader(bye ? 8 : 7);
            out.packString("type").packString(sender.role().produces() ? "P" : "D");
            out.packString("http_address").packString(sender.http().toString());
            out.packString("zmq_address").packString(sender.control().toString());
            out.packString("epoch").packLong(sender.epoch());
            out.packString("engine_id").packString(sender.engineId());
            out.packString("model").packString(sender.model());
            out.packString("process").packLong(PROCESS);
            if (bye) {
                out.packString("bye").packBoolean(true);
            }
            return out.toByteArray();
        } catch (IOException cause) {
            throw new IllegalStateException("packing into memory", cause);
        }
    }
}
