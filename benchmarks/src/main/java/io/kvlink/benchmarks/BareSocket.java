// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** One open connection of this host, with a blocking writer and a blocking reader. */
final class BareSocket implements AutoCloseable {

    private final SocketChannel sender;
    private final SocketChannel receiver;

    BareSocket() throws IOException {
        try (ServerSocketChannel door = ServerSocketChannel.open()) {
            door.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            sender = SocketChannel.open(door.getLocalAddress());
            sender.setOption(StandardSocketOptions.TCP_NODELAY, true);
            receiver = door.accept();
        }
    }

    /** Writes all; the time before the first write. */
    long send(ByteBuffer[] buffers) throws IOException {
        long startNs = System.nanoTime();
        for (ByteBuffer buffer : buffers) {
            while (buffer.hasRemaining()) {
                sender.write(buffer);
            }
        }
        return startNs;
    }

    /** Reads all; the time after the last read. */
    long receive(ByteBuffer[] buffers) throws IOException {
        for (ByteBuffer buffer : buffers) {
            while (buffer.hasRemaining()) {
                if (receiver.read(buffer) < 0) {
                    throw new EOFException();
                }
            }
        }
        return System.nanoTime();
    }

    @Override
    public void close() throws IOException {
        sender.close();
        receiver.close();
    }
}
