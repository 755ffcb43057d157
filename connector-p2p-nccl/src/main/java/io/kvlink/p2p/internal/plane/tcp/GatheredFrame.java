// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.GatheringByteChannel;
import java.util.Arrays;

/**
 * The bytes of one frame on their way into a socket, gathered from where they lie. Used again and
 * again. Device thread.
 */
final class GatheredFrame {

    private static final int HEAP_BYTES_PER_WRITE = 256 * 1024;

    private final ByteBuffer header = TcpWire.newBuffer();
    private ByteBuffer[] buffers = new ByteBuffer[8];
    private int first;
    private int end;
    private boolean begun;
    private boolean heap;

    void load(SendOp op) {
        header.clear();
        TcpWire.putHeader(header, op.piece(), op.ticket(), op.bytes());
        header.flip();
        end = 1 + op.source().size();
        if (buffers.length < end) {
            buffers = new ByteBuffer[end];
        }
        buffers[0] = header;
        first = 0;
        begun = false;
        heap = false;
        int index = 1;
        for (MemoryRegion region : op.source()) {
            buffers[index++] = region.buffer();
            heap |= region.kind() == MemoryKind.HEAP;
        }
    }

    /** True if some of it, but perhaps not all, has left. */
    boolean begun() {
        return begun;
    }

    boolean complete() {
        return first == end;
    }

    /**
     * Number of bytes to write at once, given how many one would like to. Heap memory is copied by
     * way of a buffer of that size, and what the socket doesn't take is copied again.
     */
    int atOnce(int most) {
        return heap ? Math.min(most, HEAP_BYTES_PER_WRITE) : most;
    }

    /** Lets go of the memory it came from. */
    void clear() {
        Arrays.fill(buffers, 0, end, header);
        first = 0;
        end = 0;
        begun = false;
    }

    /**
     * Writes once.
     *
     * @param channel to where
     * @param most no more than that, see {@link #atOnce}
     * @return how many bytes the channel took
     */
    long write(GatheringByteChannel channel, int most) throws IOException {
        int stop = first;
        long offered = 0;
        while (stop < end && offered < most) {
            offered += buffers[stop++].remaining();
        }
        ByteBuffer last = buffers[stop - 1];
        int limit = last.limit();
        last.limit(limit - (int) Math.max(0, offered - most));
        long count;
        try {
            count = channel.write(buffers, first, stop - first);
        } finally {
            last.limit(limit);
        }
        begun |= count > 0;
        while (first < end && !buffers[first].hasRemaining()) {
            first++;
        }
        return count;
    }
}
