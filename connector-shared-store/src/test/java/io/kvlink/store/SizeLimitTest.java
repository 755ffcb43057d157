// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SizeLimitTest {

    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 2, 4, DType.BF16, 16);
    private static final BlockFormat FORMAT = new BlockFormat(LAYOUT, 16);
    private final Instant now = Instant.now();

    @TempDir Path root;

    private final StoreFigures figures = new StoreFigures();
    private final EventLog events = new EventLog(16);

    @Test
    void shouldRemoveTheOldestUntilThereIsRoom() throws IOException {
        BlockDirectory directory = directory(FORMAT);
        SizeLimit limit = limit(10 * FORMAT.fileBytes());
        List<BlockHash> chain = chain(12, "");
        for (int i = 0; i < 10; i++) {
            write(directory, limit, chain.get(i), now.plusSeconds(i));
        }
        directory.touch(chain.get(0), FileTime.from(now.plusSeconds(100)));
        assertThat(StoreFiles.blocks(root)).hasSize(10);
        events.take();
        write(directory, limit, chain.get(10), now.plusSeconds(10));
        assertThat(events.take())
                .allMatch(event -> event.blocks().equals(chain.subList(1, 3)))
                .hasSize(1);
        assertThat(directory.has(chain.get(0))).isTrue();
        assertThat(directory.has(chain.get(10))).isTrue();
        assertThat(figures.evictedBlocks.sum()).isEqualTo(2);
        assertThat(figures.storeBytes.get()).isEqualTo(9 * FORMAT.fileBytes());
    }

    @Test
    void shouldCountBlocksOfOtherLayoutsAndLeaveForeignFilesAlone() throws IOException {
        BlockFormat other = new BlockFormat(LAYOUT, 32);
        List<BlockHash> chain = chain(4, "");
        write(directory(other), limit(1 << 20), chain.get(0), now.minusSeconds(9));
        Path folder = directory(FORMAT).file(chain.get(1)).getParent();
        Files.createDirectories(folder);
        List<Path> foreign =
                List.of(
                        root.resolve("notes.txt"),
                        root.resolve("0".repeat(64) + ".kv"),
                        folder.resolve("short.kv"),
                        folder.resolve("." + "0".repeat(64) + ".swp"));
        for (Path file : foreign) {
            Files.write(file, new byte[10_000]);
            Files.setLastModifiedTime(file, FileTime.from(now.minus(Duration.ofDays(9))));
        }
        SizeLimit limit = limit(FORMAT.fileBytes() + 1);
        write(directory(FORMAT), limit, chain.get(1), now);
        assertThat(directory(other).has(chain.get(0))).isFalse();
        assertThat(directory(FORMAT).has(chain.get(1))).isTrue();
        assertThat(foreign).allMatch(Files::exists);
        assertThat(events.take()).as("another layout's aren't ours to tell").isEmpty();
    }

    /** Removals before and behind a file that stays are told. */
    @Test
    void shouldTellOfAllThatWentWhereOneCanNotGo() throws IOException {
        BlockDirectory directory = directory(FORMAT);
        List<BlockHash> chain = chain(12, "");
        SizeLimit limit = limit(10 * FORMAT.fileBytes());
        for (int i = 0; i < 10; i++) {
            write(directory, limit, chain.get(i), now.plusSeconds(i));
        }
        stuck(directory.file(chain.get(1)));
        events.take();
        limit(8 * FORMAT.fileBytes()).makeRoom(FORMAT.fileBytes());
        List<BlockHash> removed =
                events.take().stream().flatMap(event -> event.blocks().stream()).toList();
        assertThat(removed).contains(chain.get(0), chain.get(2)).doesNotContain(chain.get(1));
        assertThat(removed).noneMatch(directory::has);
        assertThat(figures.evictedBlocks.sum()).isEqualTo(removed.size());
        assertThatThrownBy(() -> limit(1).makeRoom(FORMAT.fileBytes()))
                .isInstanceOf(DirectoryNotEmptyException.class);
        assertThat(events.take()).as("the rest").hasSize(1);
        assertThat(StoreFiles.blocks(root).stream().filter(file -> !file.endsWith("in it")))
                .isEmpty();
    }

    // A folder that isn't empty can't be removed, not even by root.
    private static void stuck(Path file) throws IOException {
        FileTime used = Files.getLastModifiedTime(file);
        Files.delete(file);
        Files.createDirectory(file);
        Files.createFile(file.resolve("in it"));
        Files.setLastModifiedTime(file, used);
    }

    @Test
    void shouldRemovePartsThatNobodyWritesAnyMore() throws IOException {
        Path folder = root.resolve(FORMAT.namespace()).resolve("ab");
        Files.createDirectories(folder);
        String name = "." + "a".repeat(64) + "-123e4567-e89b-12d3-a456-42661417400%d.kv-part";
        Path old = Files.createFile(folder.resolve(name.formatted(1)));
        Path young = Files.createFile(folder.resolve(name.formatted(2)));
        Files.setLastModifiedTime(old, FileTime.from(now.minus(Duration.ofHours(2))));
        limit(1 << 20).makeRoom(1);
        assertThat(old).doesNotExist();
        assertThat(young).exists();
    }

    @Test
    void shouldRemoveAPromptsTailBeforeItsHead() {
        List<FileTime> times =
                IntStream.range(0, 9).mapToObj(i -> BlockLoader.usedAt(now, i)).toList();
        for (int i = 1; i < times.size(); i++) {
            assertThat(times.get(i)).isLessThan(times.get(i - 1));
        }
    }

    @Test
    void shouldBearOthersThatWriteAndRemoveAtTheSameTime() throws Exception {
        List<CompletableFuture<Void>> writers = new ArrayList<>();
        for (int writer = 0; writer < 3; writer++) {
            List<BlockHash> chain = chain(40, writer == 2 ? "other" : "");
            writers.add(CompletableFuture.runAsync(() -> writeAndRead(chain)));
        }
        for (CompletableFuture<Void> writer : writers) {
            writer.get(60, TimeUnit.SECONDS);
        }
        assertThat(figures.corruptBlocks.sum()).isZero();
        assertThat(StoreFiles.ending(root, BlockDirectory.TEMPORARY)).isEmpty();
        limit(10 * FORMAT.fileBytes()).makeRoom(FORMAT.fileBytes());
        assertThat(StoreFiles.blocks(root)).hasSizeLessThan(10);
    }

    private void writeAndRead(List<BlockHash> chain) {
        BlockDirectory directory = directory(FORMAT);
        SizeLimit limit = limit(10 * FORMAT.fileBytes());
        try {
            for (BlockHash hash : chain) {
                write(directory, limit, hash, Instant.now());
                directory.read(hash);
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private BlockDirectory directory(BlockFormat format) {
        return new BlockDirectory(root, format, false, figures, events);
    }

    private SizeLimit limit(long bytes) {
        return new SizeLimit(root, bytes, FORMAT.namespace(), figures, events);
    }

    private static void write(
            BlockDirectory directory, SizeLimit limit, BlockHash hash, Instant used)
            throws IOException {
        limit.makeRoom(FORMAT.fileBytes());
        directory.write(hash, ByteBuffer.allocate(FORMAT.payloadBytes()), FileTime.from(used));
        limit.onWritten(FORMAT.fileBytes());
    }

    private static List<BlockHash> chain(int blocks, String salt) {
        int[] tokens = IntStream.range(0, blocks * 16).toArray();
        return BlockHash.chain(tokens, tokens.length, 16, "m", salt);
    }
}
