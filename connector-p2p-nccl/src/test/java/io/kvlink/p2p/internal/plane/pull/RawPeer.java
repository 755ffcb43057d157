// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Export;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Hello;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/** A peer that a test leads frame by frame, into every mistake a peer can make. */
public final class RawPeer implements AutoCloseable {

    private final SocketChannel socket;
    private final ByteBuffer in = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private boolean ended;

    private RawPeer(SocketChannel socket) {
        this.socket = socket;
    }

    /** Listens in the place of a plane. */
    public static ServerSocketChannel door() {
        try {
            ServerSocketChannel door = ServerSocketChannel.open();
            door.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            door.configureBlocking(false);
            return door;
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** The peer that has dialled, or null. */
    public static RawPeer accepted(ServerSocketChannel door) {
        try {
            SocketChannel socket = door.accept();
            if (socket == null) {
                return null;
            }
            socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            socket.configureBlocking(false);
            return new RawPeer(socket);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** Dials a plane, and says nothing. */
    public static RawPeer dial(GpuPlane plane) {
        try {
            GpuEndpoint endpoint = GpuEndpoint.parse(plane.endpoint()).orElseThrow();
            SocketChannel socket = SocketChannel.open(endpoint.channel().socketAddress());
            socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            socket.configureBlocking(false);
            return new RawPeer(socket);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** The secret of a plane. */
    public static Token secret(GpuPlane plane) {
        return GpuEndpoint.parse(plane.endpoint()).orElseThrow().channel().secret();
    }

    public RawPeer hello(Token secret, String endpoint) {
        return say(new Hello(secret, endpoint));
    }

    /** Exports a node's arena. */
    public RawPeer export(GpuNode node) {
        byte[] handle = GpuEndpoint.parse(node.plane.endpoint()).orElseThrow().handle();
        return say(
                new Export(PullReceiver.ARENA, handle, node.arena.address(), node.arena.bytes()));
    }

    public RawPeer say(LinkFrame frame) {
        return write(LinkCodec.encode(frame));
    }

    public RawPeer write(ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining() && !ended) {
                if (socket.write(bytes) == 0) {
                    throw new AssertionError("left=" + bytes.remaining() + "; write less");
                }
            }
        } catch (IOException reset) {
            ended = true;
        }
        return this;
    }

    /** All frames that have come. */
    public List<LinkFrame> heard() {
        List<LinkFrame> heard = new ArrayList<>();
        try {
            ended |= socket.read(in) < 0;
        } catch (IOException reset) {
            ended = true;
        }
        in.flip();
        while (in.remaining() >= 4 && in.remaining() >= 4 + in.getInt(in.position())) {
            int length = in.getInt();
            heard.add(
                    LinkCodec.decode(
                            in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN)));
            in.position(in.position() + length);
        }
        in.compact();
        return heard;
    }

    /** True if the plane has closed the connection, once all has been read. */
    public boolean refused() {
        heard();
        return ended;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
