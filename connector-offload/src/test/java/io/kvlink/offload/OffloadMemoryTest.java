// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.tck.EngineOptions;
import io.kvlink.tck.EngineShape;
import io.kvlink.tck.FakeEngine;
import io.kvlink.tck.FakeKv;
import io.kvlink.tck.FakeRequest;
import io.kvlink.tck.KvMemory;
import io.kvlink.tck.LeakExtension;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory of kept blocks: what makes room, what never does, and the account of it. */
@ExtendWith(LeakExtension.class)
final class OffloadMemoryTest {

    private static final int BLOCK = 16;
    // Of two layers of keys and values, 2 heads of 4 elements: a power of two, so that none is
    // lost.
    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 2, 4, DType.BF16, 16);
    private static final EngineShape SHAPE = new EngineShape(LAYOUT, 64, false);
    private static final long BLOCK_BYTES = 2 * LAYOUT.layerBytes(BLOCK);

    private final WatchedPools pools = new WatchedPools();

    @Test
    void shouldNeverEvictWhatARequestIsAboutToLoad() {
        try (FakeEngine engine = engine(4)) {
            run(engine, tokens(1, 3));
            FakeRequest late = engine.add(Optional.empty(), tokens(1, 3));
            assertThat(engine.admit(late)).isTrue();
            assertThat(engine.connector().ledger())
                    .isEqualTo(KvLedger.builder().poolBytes(3 * BLOCK_BYTES).leases(3).build());
            for (int prompt = 2; prompt < 6; prompt++) {
                run(engine, tokens(prompt, 3));
            }
            engine.step(List.of(late));
            engine.verify();
            assertThat(late.ended()).isTrue();
            assertThat(figure(engine, "offload_loaded_bytes_total")).isEqualTo(3.0 * BLOCK_BYTES);
            assertThat(engine.connector().ledger().idle()).isTrue();
        }
    }

    @Test
    void shouldKeepThePromptsHeadWhenThereIsNoRoomForAll() {
        try (FakeEngine engine = engine(4)) {
            run(engine, tokens(1, 2));
            run(engine, tokens(2, 9));
            assertThat(figure(engine, "offload_dropped_blocks_total")).isEqualTo(5);
            assertThat(figure(engine, "offload_evicted_blocks_total")).isEqualTo(2);
            assertThat(figure(engine, "offload_kept_bytes")).isEqualTo(4.0 * BLOCK_BYTES);
            assertThat(loadedBlocks(engine, tokens(2, 9))).isEqualTo(4);
        }
    }

    @Test
    void shouldTellOfEachBlockThatComesAndGoes() {
        try (FakeEngine engine = engine(4)) {
            run(engine, tokens(1, 3));
            run(engine, tokens(2, 3));
            List<BlockHash> there = new ArrayList<>();
            for (KvEvent event : engine.connector().takeEvents()) {
                if (event.kind() == KvEvent.Kind.STORED) {
                    there.addAll(event.blocks());
                } else {
                    assertThat(there).containsAll(event.blocks());
                    there.removeAll(event.blocks());
                }
            }
            List<BlockHash> expected = new ArrayList<>(chain(1).subList(0, 1));
            expected.addAll(chain(2));
            assertThat(there).containsExactlyElementsOf(expected);
        }
    }

    @Test
    void shouldSaveABlockOnceThatTwoRequestsComputeInOneStep() {
        try (FakeEngine engine = engine(4)) {
            FakeRequest one = engine.add(Optional.empty(), tokens(1, 3));
            FakeRequest two = engine.add(Optional.empty(), tokens(1, 3));
            assertThat(engine.admit(one) && engine.admit(two)).isTrue();
            engine.step(List.of(one, two));
            assertThat(one.ended() && two.ended()).isTrue();
            assertThat(figure(engine, "offload_saved_blocks_total")).isEqualTo(3);
            assertThat(figure(engine, "offload_dropped_blocks_total")).isZero();
            assertThat(engine.connector().takeEvents()).hasSize(1);
        }
    }

    @Test
    void shouldComputeWhenTheSystemGivesNoMemory() {
        FakeStreams device = new FakeStreams(true);
        device.refusesLocks = true;
        PooledProvider provider = new PooledProvider(pools, () -> Optional.of(device));
        try (FakeEngine engine = engine(provider, 4 * BLOCK_BYTES, new FakeStreamsMemory(device))) {
            for (int i = 0; i < 2; i++) {
                assertThat(run(engine, tokens(1, 3)).failures()).isEmpty();
            }
            assertThat(figure(engine, "offload_dropped_blocks_total")).isEqualTo(6);
            assertThat(figure(engine, "offload_loaded_tokens_total")).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldLoadRightBytesThoughNothingWaitsForTheStreams(boolean early) {
        FakeStreams device = new FakeStreams(early);
        PooledProvider provider = new PooledProvider(pools, () -> Optional.of(device));
        Churn.run(provider, new FakeStreamsMemory(device));
        assertThat(pools.leasedBytes()).isZero();
    }

    @Test
    void shouldGiveAllBackWhenItIsClosedWithRequests() {
        try (FakeEngine engine = engine(4)) {
            run(engine, tokens(1, 3));
            FakeRequest loading = engine.add(Optional.empty(), tokens(1, 3));
            assertThat(engine.admit(loading)).isTrue();
            assertThat(pools.leasedBytes()).isEqualTo(4 * BLOCK_BYTES);
            engine.connector().close();
            assertThat(pools.leasedBytes()).isZero();
            assertThat(pools.reservedBytes()).isZero();
            assertThat(engine.connector().ledger().idle()).isTrue();
            engine.connector().scheduler().onRequestFinished(loading.kv());
            assertThat(engine.connector().ledger().idle()).isTrue();
            assertThat(engine.connector().health().ready()).isFalse();
        }
    }

    @Test
    void shouldLeaseLargeMemoryInTheBackgroundAndCloseAtAnyTime() {
        // More than is leased at once; the thread may or may not be through.
        for (int i = 0; i < 5; i++) {
            FakeEngine engine = engine((int) ((160L << 20) / BLOCK_BYTES));
            run(engine, tokens(1, 3));
            assertThat(loadedBlocks(engine, tokens(1, 3))).isEqualTo(3);
            engine.close();
            assertThat(pools.leasedBytes()).isZero();
        }
    }

    @Test
    void shouldRefuseToWorkWithoutRoomForABlock() {
        assertThatThrownBy(() -> engine(new PooledProvider(), BLOCK_BYTES - 1))
                .hasMessage(
                        "BAD_CONFIG(1): cpu_bytes_to_use=%d block_tokens=16; expected room for a block of %d bytes",
                        BLOCK_BYTES - 1, BLOCK_BYTES);
    }

    /** Runs a request to its end, in a step of its own. */
    private static FakeRequest run(FakeEngine engine, int[] tokens) {
        FakeRequest request = engine.add(Optional.empty(), tokens);
        assertThat(engine.admit(request)).isTrue();
        engine.step(List.of(request));
        assertThat(request.ended()).isTrue();
        engine.verify();
        return request;
    }

    private FakeEngine engine(int blocks) {
        return engine(new PooledProvider(pools, Optional::empty), blocks * BLOCK_BYTES);
    }

    private static FakeEngine engine(PooledProvider provider, long bytes) {
        return engine(provider, bytes, KvMemory.heap());
    }

    private static FakeEngine engine(PooledProvider provider, long bytes, KvMemory memory) {
        Map<String, Object> config =
                Map.of(
                        "kv_connector",
                        OffloadingConnectorProvider.NAME,
                        "kv_role",
                        "kv_both",
                        "kv_connector_extra_config",
                        Map.of("cpu_bytes_to_use", bytes, "block_tokens", BLOCK));
        return new FakeEngine(
                "engine",
                provider,
                config,
                SHAPE,
                new FakeKv(SHAPE, memory, 1),
                new EngineOptions(Duration.ofSeconds(10), 0, Optional.empty(), () -> {}));
    }

    /** A prompt of some whole blocks and a token. */
    private static int[] tokens(int prompt, int blocks) {
        return IntStream.range(0, blocks * BLOCK + 1).map(i -> 1000 * prompt + i).toArray();
    }

    private static List<BlockHash> chain(int prompt) {
        return BlockHash.chain(tokens(prompt, 3), 3 * BLOCK, BLOCK, "m", "");
    }

    /** Blocks of KV that a prompt's request loads; the engine looks at them. */
    private static double loadedBlocks(FakeEngine engine, int[] tokens) {
        double before = figure(engine, "offload_loaded_bytes_total");
        assertThat(run(engine, tokens).failures()).isEmpty();
        return (figure(engine, "offload_loaded_bytes_total") - before) / BLOCK_BYTES;
    }

    private static double figure(FakeEngine engine, String name) {
        return engine.connector().metrics().stream()
                .filter(metric -> metric.name().equals(name))
                .mapToDouble(metric -> metric.value())
                .sum();
    }
}
