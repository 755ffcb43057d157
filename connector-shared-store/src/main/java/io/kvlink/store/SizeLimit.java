// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Keeps the block files of all layouts under a size together: the least recently used ones go. It
 * counts them anew whenever this process has written a sixteenth of the limit, since other
 * processes write too. Files of other names are nobody's business here. The thread that writes.
 */
final class SizeLimit {

    private static final int FRACTION = 16;
    private static final Duration PART_LIFE = Duration.ofHours(1);
    private static final Pattern NAMESPACE = Pattern.compile("v[0-9]+-[0-9a-f]{16}");
    private static final Pattern FOLDER = Pattern.compile("[0-9a-f]{2}");
    private static final Pattern BLOCK =
            Pattern.compile("[0-9a-f]{64}" + Pattern.quote(BlockDirectory.SUFFIX));
    private static final Pattern PART =
            Pattern.compile(
                    "\\.[0-9a-f]{64}-[0-9a-f-]{36}" + Pattern.quote(BlockDirectory.TEMPORARY));

    private record Found(Path file, long bytes, FileTime used) {}

    private final Path root;
    private final long limit;
    private final String ownNamespace;
    private final StoreFigures figures;
    private final EventLog events;
    private long total = -1;
    private long written;

    SizeLimit(Path root, long limit, String ownNamespace, StoreFigures figures, EventLog events) {
        this.root = root;
        this.limit = limit;
        this.ownNamespace = ownNamespace;
        this.figures = figures;
        this.events = events;
    }

    /** Sees to it that a file of some bytes may be written. */
    void makeRoom(long bytes) throws IOException {
        if (total < 0 || written > limit / FRACTION || total + bytes > limit) {
            count(bytes);
        }
    }

    /** Notes that a file was written. */
    void onWritten(long bytes) {
        total += bytes;
        written += bytes;
        figures.storeBytes.set(total);
    }

    private void count(long bytes) throws IOException {
        List<Found> blocks = new ArrayList<>();
        for (Path namespace : children(root, NAMESPACE)) {
            for (Path folder : children(namespace, FOLDER)) {
                add(folder, blocks);
            }
        }
        total = blocks.stream().mapToLong(Found::bytes).sum();
        written = 0;
        if (total + bytes > limit) {
            evict(blocks, limit - limit / FRACTION - bytes);
        }
        figures.storeBytes.set(total);
    }

    private void evict(List<Found> blocks, long target) throws IOException {
        blocks.sort(Comparator.comparing(Found::used).thenComparing(Found::file));
        List<BlockHash> removed = new ArrayList<>();
        IOException failure = null;
        for (Found block : blocks) {
            if (total <= target) {
                break;
            }
            try {
                evict(block, removed);
            } catch (IOException cause) {
                failure = cause; // Others may make the room.
            }
        }
        events.onRemoved(removed);
        if (failure != null && total > target) {
            throw failure;
        }
    }

    private void evict(Found block, List<BlockHash> removed) throws IOException {
        if (Files.deleteIfExists(block.file)) {
            figures.evictedBlocks.increment();
            if (block.file.startsWith(root.resolve(ownNamespace))) {
                removed.add(hash(block.file));
            }
        }
        total -= block.bytes;
    }

    private static void add(Path folder, List<Found> blocks) throws IOException {
        for (Path file : children(folder, BLOCK)) {
            try {
                BasicFileAttributes is = attributes(file);
                blocks.add(new Found(file, is.size(), is.lastModifiedTime()));
            } catch (NoSuchFileException gone) {
                // Another process removed it.
            }
        }
        long oldest = System.currentTimeMillis() - PART_LIFE.toMillis();
        for (Path part : children(folder, PART)) {
            try {
                if (attributes(part).lastModifiedTime().toMillis() < oldest) {
                    Files.deleteIfExists(part);
                }
            } catch (NoSuchFileException gone) {
                // Its writer lives, and has named or removed it.
            }
        }
    }

    private static List<Path> children(Path folder, Pattern name) throws IOException {
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> all =
                Files.newDirectoryStream(
                        folder, path -> name.matcher(path.getFileName().toString()).matches())) {
            all.forEach(children::add);
        } catch (NoSuchFileException gone) {
            return List.of();
        }
        return children;
    }

    private static BasicFileAttributes attributes(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private static BlockHash hash(Path file) {
        String name = file.getFileName().toString();
        return new BlockHash(name.substring(0, name.length() - BlockDirectory.SUFFIX.length()));
    }
}
