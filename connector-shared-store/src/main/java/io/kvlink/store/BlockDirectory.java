// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Files of one layout's blocks: {@code <namespace>/<two digits>/<hash>.kv}. A file gets its name
 * when it is complete, so a reader never sees a part of one. A file's time is that of its last use.
 * Any thread, any number of processes.
 */
final class BlockDirectory {

    /** End of a block file's name. */
    static final String SUFFIX = ".kv";

    /** End of the name of a file that is being written. */
    static final String TEMPORARY = ".kv-part";

    private final Path home;
    private final BlockFormat format;
    private final boolean fsync;
    private final StoreFigures figures;
    private final EventLog events;

    BlockDirectory(
            Path root, BlockFormat format, boolean fsync, StoreFigures figures, EventLog events) {
        this.home = root.resolve(format.namespace());
        this.format = format;
        this.fsync = fsync;
        this.figures = figures;
        this.events = events;
    }

    /** True if there is a file of that name; it may still turn out to be broken. */
    boolean has(BlockHash hash) {
        return Files.exists(file(hash));
    }

    /**
     * Reads a block.
     *
     * @return its KV; empty if there is none
     * @throws BrokenBlockException if its file was broken; it is removed
     */
    Optional<ByteBuffer> read(BlockHash hash) throws IOException {
        Path file = file(hash);
        ByteBuffer header = ByteBuffer.allocate(BlockFormat.HEADER_BYTES);
        String fault = "size";
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() == format.fileBytes()) {
                ByteBuffer payload = ByteBuffer.allocate(format.payloadBytes());
                boolean whole = fill(channel, header) && fill(channel, payload);
                fault = whole ? format.fault(hash, header, payload) : "end of file";
                if (fault.isEmpty()) {
                    return Optional.of(payload.clear());
                }
            }
        } catch (NoSuchFileException missing) {
            return Optional.empty();
        }
        figures.corruptBlocks.increment();
        remove(hash);
        throw new BrokenBlockException("file=%s fault=%s".formatted(file, fault));
    }

    /** Writes a block, unless it is cut short. An equal one may be written at the same time. */
    void write(BlockHash hash, ByteBuffer payload, FileTime time) throws IOException {
        Path file = file(hash);
        Path folder = file.resolveSibling("");
        Files.createDirectories(folder);
        Path part = folder.resolve("." + hash.hex() + "-" + UUID.randomUUID() + TEMPORARY);
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                drain(channel, format.header(hash, payload));
                drain(channel, payload.duplicate().clear());
                if (fsync) {
                    channel.force(true);
                }
            }
            Files.setLastModifiedTime(part, time);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /** Notes that a block was used. It may be gone, and its disk may be read-only. */
    void touch(BlockHash hash, FileTime time) {
        try {
            Files.setLastModifiedTime(file(hash), time);
        } catch (IOException ignored) {
            // Then it counts as older than it is.
        }
    }

    private void remove(BlockHash hash) throws IOException {
        if (Files.deleteIfExists(file(hash))) {
            events.onRemoved(List.of(hash));
        }
    }

    Path file(BlockHash hash) {
        return home.resolve(hash.hex().substring(0, 2)).resolve(hash.hex() + SUFFIX);
    }

    private static boolean fill(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                return false;
            }
        }
        return true;
    }

    private static void drain(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
