// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import io.kvlink.spi.HostPort;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.ZMQ;

/**
 * A link that this node dialled: one DEALER, connected as soon as the peer's name is looked up.
 * Owned by the control thread.
 */
final class DialledLink implements ControlTransport.Link {

    private static final Logger LOG = LoggerFactory.getLogger(DialledLink.class);

    private final HostPort address;
    private final ZMQ.Socket socket;
    private final int maxEarly;
    // What was sent before the address was known.
    private final Queue<byte[]> early = new ArrayDeque<>();
    private @Nullable CompletableFuture<String> lookup;
    private boolean closed;

    DialledLink(
            HostPort address, ZMQ.Socket socket, int maxEarly, CompletableFuture<String> lookup) {
        this.address = address;
        this.socket = socket;
        this.maxEarly = maxEarly;
        this.lookup = lookup;
        connectWhenResolved();
    }

    ZMQ.Socket socket() {
        return socket;
    }

    boolean send(byte[] frame) {
        connectWhenResolved();
        if (closed) {
            return false;
        }
        if (lookup != null) {
            return early.size() < maxEarly && early.add(frame);
        }
        return socket.send(frame, ZMQ.DONTWAIT);
    }

    byte @Nullable [] receive() {
        connectWhenResolved();
        return closed ? null : socket.recv(ZMQ.DONTWAIT);
    }

    /** Gives up what isn't sent after a moment. Closing twice does nothing. */
    void close(int lingerMs) {
        if (!closed) {
            closed = true;
            socket.setLinger(lingerMs);
        }
        socket.close();
    }

    private void connectWhenResolved() {
        CompletableFuture<String> found = lookup;
        if (found == null || !found.isDone()) {
            return;
        }
        lookup = null;
        if (found.isCompletedExceptionally()) {
            closed = true;
            early.clear();
            LOG.warn("peer={} has no address: {}; check the name", address, found);
            return;
        }
        socket.connect("tcp://" + new HostPort(found.join(), address.port()));
        for (byte[] frame; (frame = early.poll()) != null; ) {
            // As many as its queue holds, so none is refused.
            socket.send(frame, ZMQ.DONTWAIT);
        }
    }

    @Override
    public String toString() {
        return "dialled:" + address;
    }
}
