// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;

/** One end of a connection, used by a thread that may block. */
final class BareSocket implements AutoCloseable {

    private final SocketChannel channel;

    private BareSocket(SocketChannel channel) {
        this.channel = channel;
    }

    /** A free port to listen on; the caller closes it. */
    static ServerSocketChannel listen(String ip) throws IOException {
        return ServerSocketChannel.open().bind(new InetSocketAddress(ip, 0));
    }

    static BareSocket connect(String ip, int port) throws IOException {
        SocketChannel channel = SocketChannel.open(new InetSocketAddress(ip, port));
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        return new BareSocket(channel);
    }

    static BareSocket accept(ServerSocketChannel door) throws IOException {
        return new BareSocket(door.accept());
    }

    /** Writes all; the time before the first write. */
    long send(List<ByteBuffer> buffers) throws IOException {
        long startNs = System.nanoTime();
        for (ByteBuffer buffer : buffers) {
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        }
        return startNs;
    }

    /** Reads all; the time after the last read. */
    long receive(List<ByteBuffer> buffers) throws IOException {
        for (ByteBuffer buffer : buffers) {
            while (buffer.hasRemaining()) {
                if (channel.read(buffer) < 0) {
                    throw new EOFException();
                }
            }
        }
        return System.nanoTime();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
