// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.tck.EngineOptions;
import io.kvlink.tck.EngineShape;
import io.kvlink.tck.FakeEngine;
import io.kvlink.tck.FakeKv;
import io.kvlink.tck.FakeRequest;
import io.kvlink.tck.KvMemory;
import io.kvlink.tck.LeakExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Requests go on, whatever the disk does. */
@ExtendWith(LeakExtension.class)
final class StoreTroubleTest {

    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 2, 4, DType.BF16, 16);
    private static final EngineShape SHAPE = new EngineShape(LAYOUT, 64, false);
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(20);

    @TempDir Path folder;

    @Test
    void shouldComputeWhenNothingCanBeWrittenOrRead() throws IOException {
        try (FakeEngine engine = engine(1_000_000)) {
            Files.delete(folder.resolve("kv"));
            Files.createFile(folder.resolve("kv"));
            computed(engine);
            computed(engine);
            assertThat(figure(engine, "store_failed_saves_total")).isEqualTo(2);
            assertThat(figure(engine, "store_failed_loads_total")).isEqualTo(2);
            Files.delete(folder.resolve("kv"));
            computed(engine);
            assertThat(loaded(engine)).as("the disk is well again").isEqualTo(99);
        }
    }

    @Test
    void shouldSaveAndLoadOnlyWhatThereIsMemoryFor() {
        try (FakeEngine engine = engine(0)) {
            computed(engine);
            computed(engine);
            assertThat(figure(engine, "store_dropped_saves_total")).isEqualTo(2);
            assertThat(StoreFiles.blocks(folder)).isEmpty();
        }
        int blockBytes = Math.toIntExact(2 * LAYOUT.layerBytes(20));
        try (FakeEngine engine = engine(3L * blockBytes)) {
            computed(engine);
            assertThat(StoreFiles.blocks(folder)).hasSize(3);
            assertThat(loaded(engine)).isEqualTo(60);
            assertThat(StoreFiles.blocks(folder)).as("loads go before saves").hasSize(3);
        }
    }

    @Test
    void shouldNotWaitForEverForASlowDisk() throws InterruptedException {
        AtomicLong clock = new AtomicLong();
        CountDownLatch stuck = new CountDownLatch(1);
        CountDownLatch slow = new CountDownLatch(1);
        StoreParts parts =
                parts(
                        () -> {
                            stuck.countDown();
                            await(slow);
                        });
        StoreScheduler scheduler =
                new StoreScheduler(new ConcurrentHashMap<>(), KvRole.BOTH, parts, clock::get);
        try {
            scheduler.onRequestAdded(KvRequest.builder("first", tokens()).build());
            assertThat(stuck.await(20, TimeUnit.SECONDS)).isTrue();
            KvRequest late = KvRequest.builder("late", tokens()).build();
            scheduler.onRequestAdded(late);
            assertThat(scheduler.matchedTokens(late, 0)).isEqualTo(LoadDecision.askAgain());
            clock.set(parts.loadTimeoutNs());
            assertThat(scheduler.matchedTokens(late, 0)).isEqualTo(LoadDecision.NOTHING);
            scheduler.onBlocksAllocated(late, BlockTable.range(0, 7), 0, 0);
            assertThat(parts.figures().lateLookups.sum()).isEqualTo(1);
            slow.countDown();
        } finally {
            slow.countDown();
            parts.loader().close();
            parts.saver().close();
        }
        assertThat(parts.budget().bytes()).isZero();
    }

    @Test
    void shouldWakeTheEngineWhenARequestNeedNotWaitAnyLonger() throws InterruptedException {
        CountDownLatch stuck = new CountDownLatch(1);
        CountDownLatch slow = new CountDownLatch(1);
        CountDownLatch woken = new CountDownLatch(1);
        StoreParts parts =
                parts(
                        () -> {
                            if (Thread.currentThread().getName().startsWith("kv-store-load")) {
                                stuck.countDown();
                                await(slow);
                            } else {
                                woken.countDown();
                            }
                        },
                        Duration.ofMillis(50));
        StoreScheduler scheduler =
                new StoreScheduler(new ConcurrentHashMap<>(), KvRole.BOTH, parts, System::nanoTime);
        try {
            scheduler.onRequestAdded(KvRequest.builder("first", tokens()).build());
            assertThat(stuck.await(20, TimeUnit.SECONDS)).isTrue();
            KvRequest late = KvRequest.builder("late", tokens()).build();
            scheduler.onRequestAdded(late);
            assertThat(woken.await(20, TimeUnit.SECONDS)).isTrue();
            assertThat(scheduler.matchedTokens(late, 0)).isEqualTo(LoadDecision.NOTHING);
        } finally {
            slow.countDown();
            parts.loader().close();
            parts.saver().close();
        }
    }

    @Test
    void shouldHoldNothingWhenItWasClosedWithARequest() {
        try (FakeEngine engine = engine(1_000_000)) {
            computed(engine);
            KvScheduler scheduler = engine.connector().scheduler();
            KvRequest request = KvRequest.builder("left", tokens()).build();
            scheduler.onRequestAdded(request);
            long deadlineNs = System.nanoTime() + LIMIT_NS;
            while (scheduler.matchedTokens(request, 0) instanceof LoadDecision.AskAgain) {
                assertThat(System.nanoTime() - deadlineNs).as("%s", engine).isNegative();
                LockSupport.parkNanos(100_000);
            }
            assertThat(engine.connector().ledger().bufferBytes()).isPositive();
            engine.connector().close();
            assertThat(engine.connector().ledger().idle()).isTrue();
        }
    }

    /** Broken blocks of a prompt all go, and are told, before they are saved anew. */
    @Test
    void shouldTellOfAllBrokenBlocksOfAPrompt() throws IOException {
        try (FakeEngine engine = engine(1_000_000)) {
            computed(engine);
            List<BlockHash> chain = BlockHash.chain(tokens(), 100, 20, "m", "");
            engine.connector().takeEvents();
            for (Path file : StoreFiles.blocks(folder)) {
                Files.write(file, new byte[] {1});
            }
            computed(engine);
            List<BlockHash> removed = new ArrayList<>();
            List<BlockHash> stored = new ArrayList<>();
            for (KvEvent event : engine.connector().takeEvents()) {
                boolean kept = event.kind() == KvEvent.Kind.STORED;
                (kept ? stored : removed).addAll(event.blocks());
            }
            assertThat(removed).isEqualTo(chain);
            assertThat(stored).isEqualTo(chain);
        }
    }

    private StoreParts parts(Runnable wakeup) {
        return parts(wakeup, Duration.ofSeconds(5));
    }

    private StoreParts parts(Runnable wakeup, Duration timeout) {
        StoreConfig config = new StoreConfig(folder, 1 << 20, 20, 1, timeout, false);
        BlockFormat format = new BlockFormat(LAYOUT, 20);
        StoreFigures figures = new StoreFigures();
        EventLog events = new EventLog(20);
        BlockDirectory directory = new BlockDirectory(folder, format, true, figures, events);
        SizeLimit limit = new SizeLimit(folder, 1 << 20, format.namespace(), figures, events);
        return new StoreParts(
                new BlockNames("m", 20),
                new ByteBudget(1 << 20),
                format.payloadBytes(),
                new BlockLoader(directory, config, figures, wakeup),
                new BlockSaver(directory, limit, format.fileBytes(), figures, events, () -> {}),
                figures,
                config.loadTimeout().toNanos());
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
    }

    private FakeEngine engine(long bufferBytes) {
        Map<String, Object> config = new HashMap<>();
        config.put("kv_connector", SharedStoreConnectorProvider.NAME);
        config.put("kv_role", "kv_both");
        config.put("kv_buffer_size", bufferBytes);
        config.put(
                "kv_connector_extra_config",
                Map.of("path", folder.resolve("kv").toString(), "block_tokens", 20));
        return new FakeEngine(
                "engine",
                new SharedStoreConnectorProvider(),
                config,
                SHAPE,
                new FakeKv(SHAPE, KvMemory.heap(), 1),
                new EngineOptions(Duration.ofSeconds(10), 0, Optional.empty(), () -> {}));
    }

    private static void computed(FakeEngine engine) {
        assertThat(ended(engine).outcomes()).noneMatch(outcome -> outcome.failure().isPresent());
    }

    /** Tokens that a request loads; the engine looks at them. */
    private static long loaded(FakeEngine engine) {
        long before = figure(engine, "store_loaded_bytes_total");
        computed(engine);
        long bytes = figure(engine, "store_loaded_bytes_total") - before;
        return bytes / (2 * LAYOUT.tokenBytes());
    }

    private static FakeRequest ended(FakeEngine engine) {
        FakeRequest request = engine.add(Optional.empty(), tokens());
        long deadlineNs = System.nanoTime() + LIMIT_NS;
        while (!request.ended() || !engine.connector().ledger().idle()) {
            assertThat(System.nanoTime() - deadlineNs).as("%s", engine).isNegative();
            engine.step();
            LockSupport.parkNanos(100_000);
        }
        engine.verify();
        return request;
    }

    private static int[] tokens() {
        return IntStream.range(0, 100).toArray();
    }

    private static long figure(FakeEngine engine, String name) {
        return engine.connector().metrics().stream()
                .filter(metric -> metric.name().equals(name))
                .mapToLong(metric -> (long) metric.value())
                .sum();
    }
}
