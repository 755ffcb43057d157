// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferOutcome;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** KV between instances of other numbers of ranks, over real connectors. */
final class UnequalRanksTest {

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
            Instance.Options options = Instance.Options.of("tcp", sendType, 16, 60);
            HandOver.of(
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
        Instance.Options options = Instance.Options.of(plane, sendType, chunk, 60);
        List<List<KvLayerGroup>> two = Shape.of(2, 1, 3).producer().ranks(6, false);
        List<List<KvLayerGroup>> three = Shape.of(3, 4).ranks(6, false);
        HandOver.of(two, three, options, attachment);
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
        Instance.Options options = Instance.Options.of(plane, sendType, chunk, 60);
        List<List<KvLayerGroup>> one = Shape.of(1, 3).hybridRanks();
        List<List<KvLayerGroup>> two = Shape.of(2, 1, 2).hybridRanks();
        HandOver.of(Shape.of(1, 3).producer().hybridRanks(), one, options, false);
        HandOver.of(Shape.of(1, 3).producer().hybridRanks(), two, options, true);
        HandOver.of(Shape.of(2, 1, 2).producer().hybridRanks(), one, options, true);
        HandOver.of(Shape.of(2, 1, 2).producer().hybridRanks(), two, options, false);
    }

    @ParameterizedTest
    @CsvSource({"1, 2", "2, 1", "2, 4", "2, 2"})
    void shouldGiveEachRankTheLatentRow(int prefill, int decode) {
        for (String sendType : List.of("PUT_ASYNC", "GET")) {
            Instance.Options options = Instance.Options.of("tcp", sendType, 16, 60);
            HandOver.of(
                    Shape.of(prefill, 4).producer().ranks(1, true),
                    Shape.of(decode, 1, 3).ranks(1, true),
                    options,
                    true);
        }
    }

    @ParameterizedTest
    @CsvSource({"PUT_ASYNC, 0", "PUT_ASYNC, 1", "GET, 1"})
    void shouldFailAsAWholeIfARankOfTheSenderEnds(String sendType, int dead) {
        Instance.Options options = Instance.Options.of("tcp", sendType, 0, 2);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(2, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(1, 4).ranks(4, false), options)) {
            KvRequest request = HandOver.request(prefill, decode, false);
            decode.add(request);
            prefill.add(request);
            prefill.ranks.get(dead).close();
            prefill.ranks.remove(dead);
            prefill.prefill(request, HandOver.P_BLOCKS, HandOver.TOKENS - 1, HandOver.deadline());
            LoadDecision decision = decode.decide(request, HandOver.deadline());
            assertThat(decision).isInstanceOf(LoadDecision.Failed.class);
            decode.finish(request);
            prefill.finish(request);
            prefill.sent(HandOver.deadline());
            decode.awaitIdle(HandOver.deadline());
            prefill.awaitIdle(HandOver.deadline());
        }
    }

    @ParameterizedTest
    @CsvSource({"PUT_ASYNC, 0", "PUT_ASYNC, 1", "GET, 0", "GET, 1"})
    void shouldLoseNothingButWhatARankOfTheReceiverLoses(String sendType, int dead) {
        Instance.Options options = Instance.Options.of("tcp", sendType, 0, 2);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(1, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(2, 4).ranks(4, false), options)) {
            KvRequest first = HandOver.request(prefill, decode, false);
            HandOver.of(prefill, decode, first);
            KvRequest request = HandOver.request(prefill, decode, false);
            decode.add(request);
            decode.ranks.get(dead).close();
            decode.ranks.remove(dead);
            prefill.add(request);
            prefill.prefill(request, HandOver.P_BLOCKS, HandOver.TOKENS - 1, HandOver.deadline());
            prefill.finish(request);
            List<TransferOutcome> sent = prefill.sent(HandOver.deadline());
            assertThat(sent).hasSize(1);
            assertThat(sent.get(0).failure()).isPresent();
            decode.finish(request);
            decode.awaitIdle(HandOver.deadline());
            prefill.awaitIdle(HandOver.deadline());
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2"})
    void shouldLoadAllGroupsThoughTheSenderHasLeft(int tp) {
        Instance.Options options = Instance.Options.of("tcp", "PUT_ASYNC", 16, 60);
        List<List<KvLayerGroup>> ranks = Shape.of(tp, 3).hybridRanks();
        try (Instance decode = new Instance("kv_consumer", ranks, options)) {
            KvRequest request;
            try (Instance prefill = new Instance("kv_producer", ranks, options)) {
                request = HandOver.request(prefill, decode, false);
                HandOver.push(prefill, request);
                prefill.sent(HandOver.deadline());
            }
            decode.add(request);
            HandOver.load(decode, request);
            decode.awaitIdle(HandOver.deadline());
        }
    }

    @Test
    void shouldForgetARequestThatLeftBeforeTheRanksWereKnown() {
        Instance.Options options = Instance.Options.of("tcp", "PUT_ASYNC", 16, 60);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(2, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(1, 4).ranks(4, false), options)) {
            KvRequest request = HandOver.request(prefill, decode, false);
            decode.add(request);
            decode.finish(request);
            prefill.add(request);
            prefill.prefill(request, HandOver.P_BLOCKS, HandOver.TOKENS, HandOver.deadline());
            prefill.finish(request);
            assertThat(prefill.sent(HandOver.deadline()))
                    .allSatisfy(outcome -> assertThat(outcome.failure()).isPresent());
            decode.awaitIdle(HandOver.deadline());
        }
    }

    @Test
    void shouldRefuseWhatNoMapBridges() {
        Instance.Options options = Instance.Options.of("tcp", "PUT_ASYNC", 0, 60);
        try (Instance prefill =
                        new Instance("kv_producer", Shape.of(2, 4).ranks(4, false), options);
                Instance decode =
                        new Instance("kv_consumer", Shape.of(1, 4).ranks(6, false), options)) {
            KvRequest request = HandOver.request(prefill, decode, false);
            decode.add(request);
            LoadDecision decision = decode.decide(request, HandOver.deadline());
            assertThat(decision).isInstanceOf(LoadDecision.Failed.class);
            LoadDecision.Failed failed = (LoadDecision.Failed) decision;
            assertThat(failed.error()).isEqualTo(KvError.LAYOUT_MISMATCH);
            assertThat(failed.detail()).contains("kvHeads=4/6");
            decode.finish(request);
        }
    }
}
