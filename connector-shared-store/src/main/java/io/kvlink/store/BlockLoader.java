// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the blocks of arriving requests, on threads of its own. A block is in memory, and found
 * right, before it is offered to the engine. So a load that was offered doesn't fail.
 */
final class BlockLoader implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(BlockLoader.class);

    private final BlockDirectory directory;
    private final int blockTokens;
    private final long timeoutNs;
    private final StoreFigures figures;
    private final Runnable wakeup;
    private final StoreThreads threads;
    private final FailureLog failures = new FailureLog();
    private final AtomicInteger open = new AtomicInteger();

    BlockLoader(
            BlockDirectory directory, StoreConfig config, StoreFigures figures, Runnable wakeup) {
        this.directory = directory;
        this.blockTokens = config.blockTokens();
        this.timeoutNs = config.loadTimeout().toNanos();
        this.figures = figures;
        this.wakeup = wakeup;
        this.threads = new StoreThreads("kv-store-load", config.loadThreads());
    }

    /** Begins to read a request's blocks. */
    void look(StoredRequest request) {
        open.incrementAndGet();
        request.onLate(timeoutNs, wakeup);
        threads.execute(() -> read(request), () -> end(request));
    }

    private void end(StoredRequest request) {
        request.onLooked();
        open.decrementAndGet();
    }

    /** Number of requests whose blocks are being read. */
    int open() {
        return open.get();
    }

    private void read(StoredRequest request) {
        try {
            int found = readHead(request);
            touch(request.chain(), found);
        } catch (IOException | RuntimeException | OutOfMemoryError cause) {
            figures.failedLoads.increment();
            failures.add("operation=load", cause);
        } finally {
            end(request);
            wakeup.run();
        }
    }

    private int readHead(StoredRequest request) throws IOException {
        int wanted = request.request().promptTokens().length / blockTokens;
        int found = 0;
        try {
            while (found < wanted && readNext(request, found)) {
                found++;
            }
        } catch (BrokenBlockException broken) {
            log.warn("{}; removed, and its KV is computed again", broken.getMessage());
            removeBroken(request.chain().subList(found + 1, wanted));
        }
        return found;
    }

    // One that is broken is seldom alone, and would keep its name from a good one.
    private void removeBroken(List<BlockHash> others) throws IOException {
        for (BlockHash other : others) {
            try {
                directory.read(other);
            } catch (BrokenBlockException broken) {
                log.debug("{}; removed", broken.getMessage());
            }
        }
    }

    private boolean readNext(StoredRequest request, int index) throws IOException {
        if (!request.reserve()) {
            return false;
        }
        Optional<ByteBuffer> block = Optional.empty();
        try {
            long startNs = System.nanoTime();
            block = directory.read(request.chain().get(index));
            if (block.isPresent()) {
                figures.readSeconds.observe((System.nanoTime() - startNs) / 1e9);
            }
        } finally {
            if (block.isEmpty()) {
                request.unreserve();
            }
        }
        block.ifPresent(request::onRead);
        return block.isPresent();
    }

    private void touch(List<BlockHash> chain, int found) {
        Instant now = Instant.now();
        for (int i = 0; i < found; i++) {
            directory.touch(chain.get(i), usedAt(now, i));
        }
    }

    /** Time of use of a prompt's block: the first is the youngest, since none helps without it. */
    static FileTime usedAt(Instant now, int index) {
        return FileTime.from(now.minus(index, ChronoUnit.MICROS));
    }

    @Override
    public void close() {
        threads.stop();
    }
}
