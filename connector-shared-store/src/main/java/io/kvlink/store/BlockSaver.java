// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Writes copies of blocks to files, on one thread of its own. A save that fails is counted and
 * forgotten: no request depends on it.
 */
final class BlockSaver implements AutoCloseable {

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

    private final BlockDirectory directory;
    private final SizeLimit limit;
    private final long fileBytes;
    private final StoreFigures figures;
    private final EventLog events;
    private final Runnable wakeup;
    private final StoreThreads threads = new StoreThreads("kv-store-save", 1);
    private final AtomicInteger open = new AtomicInteger();
    private final FailureLog failures = new FailureLog();

    BlockSaver(
            BlockDirectory directory,
            SizeLimit limit,
            long fileBytes,
            StoreFigures figures,
            EventLog events,
            Runnable wakeup) {
        this.directory = directory;
        this.limit = limit;
        this.fileBytes = fileBytes;
        this.figures = figures;
        this.events = events;
        this.wakeup = wakeup;
    }

    /** Takes a complete save, with its memory, to be written. */
    void take(BlockSave save) {
        open.incrementAndGet();
        threads.execute(() -> run(save), () -> end(save));
    }

    private void end(BlockSave save) {
        save.release();
        open.decrementAndGet();
    }

    /** Number of saves that aren't written. */
    int open() {
        return open.get();
    }

    private void run(BlockSave save) {
        List<BlockHash> stored = new ArrayList<>();
        try {
            write(save, stored);
        } catch (IOException | RuntimeException | OutOfMemoryError cause) {
            figures.failedSaves.increment();
            failures.add("operation=save", cause);
        } finally {
            events.onStored(stored);
            end(save);
            wakeup.run();
        }
    }

    private void write(BlockSave save, List<BlockHash> stored) throws IOException {
        List<BlockHash> chain = save.request().chain();
        Instant now = Instant.now();
        for (int i = 0; i < save.blocks().size(); i++) {
            int index = save.firstBlock() + i;
            BlockHash hash = chain.get(index);
            if (directory.has(hash)) {
                directory.touch(hash, BlockLoader.usedAt(now, index));
                continue;
            }
            write(hash, save.blocks().get(i), now, index);
            stored.add(hash);
        }
    }

    private void write(BlockHash hash, ByteBuffer block, Instant now, int index)
            throws IOException {
        long startNs = System.nanoTime();
        limit.makeRoom(fileBytes);
        directory.write(hash, block, BlockLoader.usedAt(now, index));
        limit.onWritten(fileBytes);
        figures.savedBlocks.increment();
        figures.savedBytes.add(block.capacity());
        figures.writeSeconds.observe((System.nanoTime() - startNs) / 1e9);
    }

    /** Writes what it has, within a limit. */
    @Override
    public void close() {
        threads.finish(CLOSE_LIMIT);
    }
}
