// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.AxisOrder;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** KV between instances of other numbers of ranks, over real connectors. */
final class UnequalRanksTest {

    private static final int TOKENS = 41;
    private static final int WINDOW = 10;
    private static final BlockTable P_BLOCKS =
            BlockTable.ofGroups(
                    List.of(
                            BlockTable.of(7, 3, 12, 5, 9, 1, 30, 2, 14, 20, 22),
                            BlockTable.of(1, 2, 4, 3, 6, 5, 17, 18, 0, 21, 29)));
    // The window has left block 9 behind, and most of block 5.
    private static final BlockTable D_BLOCKS =
            BlockTable.ofGroups(List.of(BlockTable.of(4, 0, 11), BlockTable.of(9, 5, 8)));
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /**
     * Ranks of an instance.
     *
     * @param tp tensor-parallel ranks
     * @param stages layers of each pipeline stage
     * @param blockSize tokens of a block
     * @param order of its memory
     */
    private record Shape(int tp, List<Integer> stages, int blockSize, AxisOrder order) {

        static Shape of(int tp, Integer... stages) {
            return new Shape(tp, List.of(stages), 16, AxisOrder.KV_FIRST);
        }

        Shape producer() {
            return new Shape(tp, stages, 4, AxisOrder.BLOCK_FIRST_HEAD_MAJOR);
        }

        /** Layers of one group: latent rows, or keys and values. */
        List<List<KvLayerGroup>> ranks(int kvHeads, boolean latent) {
            return layouts(kvHeads, latent ? 36 : 8, stages, latent).stream()
                    .map(layout -> List.of(KvLayerGroup.all(layout)))
                    .toList();
        }

        /** Layers with a window beside others, in turns, and more heads in these. */
        List<List<KvLayerGroup>> hybridRanks() {
            List<KvLayout> full = layouts(6, 8, stages, false);
            List<KvLayout> sliding = layouts(2, 12, stages, false);
            List<List<KvLayerGroup>> ranks = new ArrayList<>();
            for (int rank = 0; rank < full.size(); rank++) {
                int layers = full.get(rank).layers();
                ranks.add(
                        List.of(
                                KvLayerGroup.of(full.get(rank), every(1, layers)),
                                KvLayerGroup.sliding(sliding.get(rank), every(0, layers), WINDOW)));
            }
            return ranks;
        }

        private static List<Integer> every(int first, int layers) {
            return IntStream.range(0, layers).mapToObj(layer -> 2 * layer + first).toList();
        }

        private List<KvLayout> layouts(
                int kvHeads, int headSize, List<Integer> stages, boolean latent) {
            List<KvLayout> layouts = new ArrayList<>();
            for (KvShardMap.Shard shard : KvShardMap.shards(kvHeads, tp, stages)) {
                KvLayout.Builder builder =
                        KvLayout.builder(
                                        "m",
                                        shard.layers(),
                                        shard.heads(),
                                        headSize,
                                        DType.BF16,
                                        blockSize)
                                .axisOrder(order)
                                .modelKvHeads(kvHeads)
                                .tensorParallel(shard.rank() % tp, tp)
                                .pipelineParallel(shard.rank() / tp, stages.size())
                                .stageLayers(stages);
                layouts.add(latent ? builder.latent().build() : builder.build());
            }
            return layouts;
        }
    }

    static Stream<Arguments> pairs() {
        return Stream.of(
                Arguments.of(Shape.of(1, 4), Shape.of(2, 4), 8),
                Arguments.of(Shape.of(2, 4), Shape.of(1, 4), 8),
                Arguments.of(Shape.of(2, 4), Shape.of(4, 4), 8),
                Arguments.of(Shape.of(4, 4), Shape.of(2, 4), 8),
                Arguments.of(Shape.of(2, 4), Shape.of(2, 4), 8),
                Arguments.of(Shape.of(3, 4), Shape.of(2, 4), 8),
                Arguments.of(Shape.of(1, 4), Shape.of(1, 3, 1), 4),
                Arguments.of(Shape.of(1, 2, 2), Shape.of(1, 4), 4),
                Arguments.of(Shape.of(2, 1, 3), Shape.of(3, 2, 2), 6),
                // More ranks than heads.
                Arguments.of(Shape.of(4, 4), Shape.of(1, 4), 2),
                Arguments.of(Shape.of(1, 4), Shape.of(4, 4), 2));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void shouldHoldWhatOneRankWould(Shape prefill, Shape decode, int kvHeads) {
        for (String sendType : List.of("PUT_ASYNC", "GET", "PUT")) {
            Instance.Options options = new Instance.Options("tcp", sendType, 16, 60);
            handOver(
                    prefill.producer().ranks(kvHeads, false),
                    decode.ranks(kvHeads, false),
                    options,
                    false);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "loopback, PUT, 0, false",
        "loopback, PUT_ASYNC, 16, true",
        "loopback, GET, 16, true",
        "tcp, PUT, 16, true",
        "tcp, PUT_ASYNC, 0, true",
        "tcp, GET, 0, true"
    })
    void shouldCutWhatItCutsForOneRank(
            String plane, String sendType, int chunk, boolean attachment) {
        Instance.Options options = new Instance.Options(plane, sendType, chunk, 60);
        List<List<KvLayerGroup>> two = Shape.of(2, 1, 3).producer().ranks(6, false);
        List<List<KvLayerGroup>> three = Shape.of(3, 4).ranks(6, false);
        handOver(two, three, options, attachment);
    }

    @ParameterizedTest
    @CsvSource({
        "tcp, PUT_ASYNC, 16",
        "tcp, PUT_ASYNC, 0",
        "tcp, PUT, 16",
        "tcp, GET, 16",
        "loopback, GET, 0"
    })
    void shouldMoveOnlyWhatAWindowSees(String plane, String sendType, int chunk) {
        Instance.Options options = new Instance.Options(plane, sendType, chunk, 60);
        List<List<KvLayerGroup>> one = Shape.of(1, 3).hybridRanks();
        List<List<KvLayerGroup>> two = Shape.of(2, 1, 2).hybridRanks();
        handOver(Shape.of(1, 3).producer().hybridRanks(), one, options, false);
        handOver(Shape.of(1, 3).producer().hybridRanks(), two, options, true);
        handOver(Shape.of(2, 1, 2).producer().hybridRanks(), one, options, true);
        handOver(Shape.of(2, 1, 2).producer().hybridRanks(), two, options, false);
    }

    @ParameterizedTest
    @CsvSource({"1, 2", "2, 1", "2, 4", "2, 2"})
    void shouldGiveEachRankTheLatentRow(int prefill, int decode) {
        for (String sendType : List.of("PUT_ASYNC", "GET")) {
            Instance.Options options = new Instance.Options("tcp", sendType, 16, 60);
            handOver(
                    Shape.of(prefill, 4).producer().ranks(1, true),
                    Shape.of(decode, 1, 3).ranks(1, true),
                    options,
                    true);
        }
    }

    @ParameterizedTest
    @CsvSource({"PUT_ASYNC, 0", "PUT_ASYNC, 1", "GET, 1"})
    void shouldFailAsAWholeIfARankOfTheSenderEnds(String sendType, int dead) {
        Instance.Options options = new Instance.Options("tcp", sendType, 0, 2);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(2, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(1, 4).ranks(4, false), options)) {
            KvRequest request = request(prefill, decode, false);
            decode.add(request);
            prefill.add(request);
            prefill.ranks.get(dead).close();
            prefill.ranks.remove(dead);
            prefill.prefill(request, P_BLOCKS, TOKENS - 1, deadline());
            LoadDecision decision = decode.decide(request, deadline());
            assertThat(decision).isInstanceOf(LoadDecision.Failed.class);
            decode.finish(request);
            prefill.finish(request);
            prefill.sent(deadline());
            decode.awaitIdle(deadline());
            prefill.awaitIdle(deadline());
        }
    }

    @ParameterizedTest
    @CsvSource({"PUT_ASYNC, 0", "PUT_ASYNC, 1", "GET, 0", "GET, 1"})
    void shouldLoseNothingButWhatARankOfTheReceiverLoses(String sendType, int dead) {
        Instance.Options options = new Instance.Options("tcp", sendType, 0, 2);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(1, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(2, 4).ranks(4, false), options)) {
            KvRequest first = request(prefill, decode, false);
            handOver(prefill, decode, first);
            KvRequest request = request(prefill, decode, false);
            decode.add(request);
            decode.ranks.get(dead).close();
            decode.ranks.remove(dead);
            prefill.add(request);
            prefill.prefill(request, P_BLOCKS, TOKENS - 1, deadline());
            prefill.finish(request);
            List<TransferOutcome> sent = prefill.sent(deadline());
            assertThat(sent).hasSize(1);
            assertThat(sent.get(0).failure()).isPresent();
            decode.finish(request);
            decode.awaitIdle(deadline());
            prefill.awaitIdle(deadline());
        }
    }

    @Test
    void shouldRefuseWhatNoMapBridges() {
        Instance.Options options = new Instance.Options("tcp", "PUT_ASYNC", 0, 60);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(2, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(1, 4).ranks(6, false), options)) {
            KvRequest request = request(prefill, decode, false);
            decode.add(request);
            LoadDecision decision = decode.decide(request, deadline());
            assertThat(decision).isInstanceOf(LoadDecision.Failed.class);
            LoadDecision.Failed failed = (LoadDecision.Failed) decision;
            assertThat(failed.error()).isEqualTo(KvError.LAYOUT_MISMATCH);
            assertThat(failed.detail()).contains("kvHeads=4/6");
            decode.finish(request);
        }
    }

    private static void handOver(
            List<List<KvLayerGroup>> producers,
            List<List<KvLayerGroup>> consumers,
            Instance.Options options,
            boolean attachment) {
        try (Instance prefill = new Instance("kv_producer", producers, options);
                Instance decode = new Instance("kv_consumer", consumers, options)) {
            // The second one finds the sessions open.
            for (int i = 0; i < 2; i++) {
                handOver(prefill, decode, request(prefill, decode, attachment));
            }
            prefill.awaitIdle(deadline());
            decode.awaitIdle(deadline());
        }
    }

    private static void handOver(Instance prefill, Instance decode, KvRequest request) {
        byte[] attachment = {1, 2, 3};
        int tokens = request.attachment() ? TOKENS : TOKENS - 1;
        decode.add(request);
        prefill.add(request);
        prefill.prefill(request, P_BLOCKS, TOKENS, deadline());
        if (request.attachment()) {
            prefill.ranks.forEach(rank -> rank.connector.scheduler().attach(request, attachment));
        }
        prefill.finish(request);
        assertThat(decode.decide(request, deadline())).isEqualTo(LoadDecision.load(tokens, false));
        for (Rank rank : decode.ranks) {
            assertThat(
                            rank.connector
                                    .scheduler()
                                    .attachment(request)
                                    .map(List::of)
                                    .orElse(List.of()))
                    .usingRecursiveComparison()
                    .isEqualTo(request.attachment() ? List.of(attachment) : List.of());
            assertThat(rank.load(request, D_BLOCKS, tokens, deadline()).loaded())
                    .singleElement()
                    .satisfies(
                            outcome -> {
                                assertThat(outcome.id())
                                        .contains(request.route().orElseThrow().id());
                                assertThat(outcome.bytes())
                                        .isEqualTo(rank.bytes(tokens, TOKENS - 1));
                            });
            assertThat(rank.firstWrong(request, D_BLOCKS, tokens)).isEmpty();
        }
        decode.finish(request);
        List<TransferOutcome> sent = prefill.sent(deadline());
        assertThat(sent).hasSameSizeAs(prefill.ranks);
        assertThat(sent).allMatch(outcome -> outcome.failure().isEmpty());
        assertThat(sent.stream().mapToLong(TransferOutcome::bytes).sum())
                .as("every consumer's bytes, once")
                .isEqualTo(
                        decode.ranks.stream()
                                .mapToLong(rank -> rank.bytes(tokens, TOKENS - 1))
                                .sum());
    }

    private static KvRequest request(Instance prefill, Instance decode, boolean attachment) {
        Random random = new Random();
        TransferId id = new TransferId(random.nextLong(), random.nextLong(), 0);
        int[] prompt = random.ints(TOKENS, 0, 1000).toArray();
        return KvRequest.builder("r" + id, prompt)
                .route(new TransferRoute(prefill.address(), decode.address(), id))
                .attachment(attachment)
                .build();
    }

    private static long deadline() {
        return System.nanoTime() + LIMIT.toNanos();
    }
}
