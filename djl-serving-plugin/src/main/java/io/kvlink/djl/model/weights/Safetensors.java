// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * A safetensors file whose tensors are mapped into memory when they are read. One thread; whoever
 * opened it closes it.
 *
 * <pre>
 *  0                   8              8 + n                                   file size
 *  +-------------------+--------------+---------------------------------------+
 *  | n, little-endian  | JSON header  | data: the tensors, in the header's    |
 *  |                   |              | types and at the header's offsets     |
 *  +-------------------+--------------+---------------------------------------+
 * </pre>
 */
public final class Safetensors implements AutoCloseable {
    static final String FILE = "model.safetensors";

    private static final int LENGTH_BYTES = Long.BYTES;
    private static final long MAX_HEADER_BYTES = 16 << 20;

    private final FileChannel channel;
    private final SafetensorsHeader header;
    private final long dataStart;

    private Safetensors(FileChannel channel, SafetensorsHeader header, long dataStart) {
        this.channel = channel;
        this.header = header;
        this.dataStart = dataStart;
    }

    /** Opens the file and checks its whole header. */
    public static Safetensors open(Path file) {
        try {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
            try {
                return read(file.toString(), channel);
            } catch (IOException | RuntimeException | Error cause) {
                channel.close();
                throw cause;
            }
        } catch (IOException cause) {
            throw new ModelLoadException(
                    ("file=%s not readable; weights are read from model.safetensors, or from the"
                                    + " shards of model.safetensors.index.json")
                            .formatted(file),
                    cause);
        }
    }

    private static Safetensors read(String file, FileChannel channel) throws IOException {
        long fileBytes = channel.size();
        if (fileBytes < LENGTH_BYTES) {
            throw new ModelLoadException(
                    "file=%s bytes=%d expected=at least %d"
                            .formatted(file, fileBytes, LENGTH_BYTES));
        }
        long headerBytes = map(channel, 0, LENGTH_BYTES).getLong();
        long room = fileBytes - LENGTH_BYTES;
        if (headerBytes < 2 || headerBytes > Math.min(room, MAX_HEADER_BYTES)) {
            throw new ModelLoadException(
                    "file=%s headerBytes=%d expected=2..%d"
                            .formatted(file, headerBytes, Math.min(room, MAX_HEADER_BYTES)));
        }
        String json = utf8(file, map(channel, LENGTH_BYTES, headerBytes));
        SafetensorsHeader header = SafetensorsHeader.parse(file, json, room - headerBytes);
        return new Safetensors(channel, header, LENGTH_BYTES + headerBytes);
    }

    /** Names of all tensors. */
    Set<String> names() {
        return header.entries().keySet();
    }

    /** Appends the tensor, which must have this shape, to {@code to} as float32. */
    public void read(String name, FloatBuffer to, long... shape) {
        long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        read(name, 0, to.slice(to.position(), Math.toIntExact(elements)), shape);
        to.position(to.position() + (int) elements);
    }

    /**
     * Fills {@code to} with the tensor's elements from {@code first} onward, as float32.
     *
     * @param shape that the tensor must have
     */
    public void read(String name, long first, FloatBuffer to, long... shape) {
        SafetensorsHeader.Entry entry = entry(name, shape);
        TensorType type = type(entry);
        long begin = first * type.bytes();
        long bytes = (long) to.remaining() * type.bytes();
        if (begin < 0 || begin > entry.bytes() - bytes) {
            throw new IllegalArgumentException(
                    "tensor=%s first=%d count=%d allowed=its %s elements"
                            .formatted(name, first, to.remaining(), entry.shape()));
        }
        try {
            type.toFloats(map(channel, dataStart + entry.begin() + begin, bytes), to);
        } catch (IOException cause) {
            throw new ModelLoadException(
                    "file=%s tensor=%s bytes=%d not readable"
                            .formatted(header.file(), name, entry.bytes()),
                    cause);
        }
    }

    /**
     * The tensor's bytes; they can be read while this is open.
     *
     * @param shape that the tensor must have
     */
    TensorBytes bytes(String name, long... shape) {
        SafetensorsHeader.Entry entry = entry(name, shape);
        return new TensorBytes(
                channel,
                header.file(),
                name,
                type(entry),
                dataStart + entry.begin(),
                entry.bytes());
    }

    /** Bytes of all tensors. */
    long totalBytes() {
        return header.entries().values().stream().mapToLong(SafetensorsHeader.Entry::bytes).sum();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException cause) {
            throw new ModelLoadException("file=%s not closed".formatted(header.file()), cause);
        }
    }

    private SafetensorsHeader.Entry entry(String name, long... shape) {
        SafetensorsHeader.Entry entry = header.entry(name);
        List<Long> expected = Arrays.stream(shape).boxed().toList();
        if (!entry.shape().equals(expected)) {
            throw new ModelLoadException(
                    "file=%s tensor=%s shape=%s bytes=%d expected=%s"
                            .formatted(
                                    header.file(), name, entry.shape(), entry.bytes(), expected));
        }
        return entry;
    }

    private TensorType type(SafetensorsHeader.Entry entry) {
        for (TensorType type : TensorType.values()) {
            if (type.name().equals(entry.type())) {
                return type;
            }
        }
        throw new ModelLoadException(
                "file=%s tensor=%s dtype=%s expected=one of %s"
                        .formatted(
                                header.file(),
                                entry.name(),
                                entry.type(),
                                Arrays.toString(TensorType.values())));
    }

    private static ByteBuffer map(FileChannel channel, long position, long bytes)
            throws IOException {
        if (bytes > Integer.MAX_VALUE) {
            throw new IOException("more than 2 GiB at once: bytes=" + bytes);
        }
        return channel.map(FileChannel.MapMode.READ_ONLY, position, bytes)
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String utf8(String file, ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException cause) {
            throw new ModelLoadException("file=%s header is not UTF-8".formatted(file), cause);
        }
    }
}
