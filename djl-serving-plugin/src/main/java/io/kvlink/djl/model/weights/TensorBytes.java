// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * One tensor's bytes, as they lie in its file. Any number of threads may read them while the file
 * is open. A piece is mapped into memory when it is read; the garbage collector unmaps it.
 */
public final class TensorBytes {

    private final FileChannel channel;
    private final String file;
    private final String name;
    private final TensorType type;
    private final long begin;
    private final long size;

    TensorBytes(
            FileChannel channel, String file, String name, TensorType type, long begin, long size) {
        this.channel = channel;
        this.file = file;
        this.name = name;
        this.type = type;
        this.begin = begin;
        this.size = size;
    }

    /** Type of the elements. */
    public TensorType type() {
        return type;
    }

    /** Number of bytes. */
    public long size() {
        return size;
    }

    /**
     * Fills {@code to} with the bytes from {@code from} onward.
     *
     * @throws ModelLoadException if the file can't be read, or was cut since it was opened
     */
    public void read(long from, ByteBuffer to) {
        int bytes = to.remaining();
        if (from < 0 || from > size - bytes) {
            throw new IllegalArgumentException(
                    "tensor=%s from=%d bytes=%d allowed=its %d bytes"
                            .formatted(name, from, bytes, size));
        }
        try {
            to.put(channel.map(FileChannel.MapMode.READ_ONLY, begin + from, bytes));
        } catch (IOException | InternalError cause) {
            // The error is how a JVM tells of mapped bytes that the file no longer has.
            throw new ModelLoadException(
                    "file=%s tensor=%s from=%d bytes=%d not readable; was the file cut meanwhile?"
                            .formatted(file, name, from, bytes),
                    cause);
        }
    }
}
