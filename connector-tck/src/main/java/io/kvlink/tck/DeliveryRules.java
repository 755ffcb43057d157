// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout.AxisOrder;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.FakeRequest.Ending;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rules 1xx: what arrives is what was computed, and nothing moves that needn't. */
@Needs(KvCapability.PEERS)
public abstract class DeliveryRules extends ConnectorTck {

    private static final int[] LENGTHS = {
        2, 3, 15, 16, 17, 18, 31, 32, 33, 34, 63, 64, 65, 127, 129, 255, 257, 511, 513, 699, 700
    };

    @Test
    final void required_rule101_bytesArriveExactlyForEveryLength() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int tokens : LENGTHS) {
            Hop hop = hop(producer, consumer, tokens);
            awaitEnd(hop);
            assertLoaded(hop);
        }
    }

    @Test
    final void required_rule102_blockSizesMayDiffer() {
        exchange(
                EngineShape.of(1, AxisOrder.KV_FIRST, false),
                EngineShape.of(16, AxisOrder.KV_FIRST, false));
        exchange(
                EngineShape.of(16, AxisOrder.KV_FIRST, false),
                EngineShape.of(1, AxisOrder.KV_FIRST, false));
    }

    @Test
    final void required_rule103_axisOrdersMayDiffer() {
        exchange(
                EngineShape.of(16, AxisOrder.KV_FIRST, false),
                EngineShape.of(16, AxisOrder.BLOCK_FIRST, false));
        exchange(
                EngineShape.of(4, AxisOrder.BLOCK_FIRST, false),
                EngineShape.of(16, AxisOrder.KV_FIRST, false));
    }

    @Test
    final void required_rule104_kindsOfHostMemoryMayDiffer() {
        EngineShape direct = EngineShape.of(16, AxisOrder.KV_FIRST, true);
        exchange(EngineShape.DEFAULT, direct);
        exchange(direct, EngineShape.DEFAULT);
    }

    @Test
    final void required_rule105_aPromptMayBePrefilledInChunks() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        // 20 tokens fill two blocks of 16: the second chunk needs no new block.
        for (int[] promptAndChunk : new int[][] {{20, 17}, {20, 19}, {50, 16}, {33, 1}}) {
            Hop hop = hop(producer, consumer, promptAndChunk[0]);
            hop.source().tokensPerStep = promptAndChunk[1];
            awaitEnd(hop);
            assertThat(hop.target().ending)
                    .as("%s", hop)
                    .isEqualTo(
                            supports(KvCapability.CHUNKED_PREFILL) ? Ending.LOADED : Ending.FAILED);
        }
    }

    @Test
    final void required_rule106_aPromptOfOneTokenMovesNothing() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = hop(producer, consumer, 1);
        producer.step();
        consumer.step();
        assertLeftAlone(hop.source());
        assertLeftAlone(hop.target());
    }

    @Test
    final void required_rule107_aRequestWithoutRouteIsLeftAlone() {
        for (KvRole role : List.of(KvRole.PRODUCER, KvRole.CONSUMER)) {
            FakeEngine engine = open(role);
            FakeRequest request = engine.add(Optional.empty(), prompt(40));
            assertThat(engine.ask(request, 0)).isEqualTo(LoadDecision.NOTHING);
            engine.step();
            assertLeftAlone(request);
        }
    }

    @Test
    final void required_rule108_promptsOfOneRequestAreTransfersOfTheirOwn() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute first = route(producer, consumer);
        TransferId id = first.id();
        TransferRoute second =
                new TransferRoute(
                        first.prefill(),
                        first.decode(),
                        new TransferId(id.high(), id.low(), id.prompt() + 1));
        Hop one = hop(producer, consumer, first, prompt(40));
        Hop two = hop(producer, consumer, second, prompt(23));
        awaitEnd(one, two);
        assertLoaded(one);
        assertLoaded(two);
    }

    @Test
    final void required_rule109_manyRequestsAtOnceAllArrive() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        List<Hop> hops = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            hops.add(hop(producer, consumer, 2 + 3 * i));
        }
        awaitEnd(hops.toArray(Hop[]::new));
        hops.forEach(DeliveryRules::assertLoaded);
    }

    @Test
    final void required_rule110_twoProducersAndTwoConsumersReachEachOther() {
        FakeEngine[] producers = {open(KvRole.PRODUCER), open(KvRole.PRODUCER)};
        FakeEngine[] consumers = {open(KvRole.CONSUMER), open(KvRole.CONSUMER)};
        List<Hop> hops = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            hops.add(hop(producers[i % 2], consumers[i / 2 % 2], 10 + 2 * i));
        }
        awaitEnd(hops.toArray(Hop[]::new));
        hops.forEach(DeliveryRules::assertLoaded);
    }

    @Test
    final void required_rule111_aBufferOfOneRequestNeverMakesAWrongOne() {
        long bytes = 3 * EngineShape.DEFAULT.layout().layerBytes(64);
        Map<String, Object> small = Map.of("kv_buffer_size", bytes);
        FakeEngine producer = open(KvRole.PRODUCER, EngineShape.DEFAULT, small);
        FakeEngine consumer = open(KvRole.CONSUMER, EngineShape.DEFAULT, small);
        Hop[] hops = new Hop[12];
        Arrays.setAll(hops, i -> hop(producer, consumer, 65));
        awaitEnd(hops);
        // The engine checked every byte of what was loaded; here: somebody got through.
        assertThat(hops).anyMatch(hop -> hop.target().ending == Ending.LOADED);
        assertThat(hops)
                .allMatch(
                        hop ->
                                hop.target().ending == Ending.LOADED
                                        || hop.target().ending == Ending.FAILED);
    }

    @Test
    final void required_rule112_anInstanceOfBothRolesSendsAndReceives() {
        if (!supports(KvCapability.BOTH_ROLES)) {
            assertThatThrownBy(() -> open(KvRole.BOTH))
                    .isInstanceOfSatisfying(
                            KvConnectorException.class,
                            refused -> assertThat(refused.error()).isEqualTo(KvError.BAD_CONFIG));
            return;
        }
        FakeEngine left = open(KvRole.BOTH);
        FakeEngine right = open(KvRole.BOTH);
        Hop there = hop(left, right, 40);
        Hop back = hop(right, left, 50);
        awaitEnd(there, back);
        assertLoaded(there);
        assertLoaded(back);
    }

    @Test
    final void required_rule113_stepsMayComputeMoreOrLessThanTheChunkTheEngineNamed() {
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int chunk : new int[] {1, 7, 16, 64}) {
            FakeEngine producer = open(KvRole.PRODUCER, EngineShape.DEFAULT, Map.of(), chunk);
            for (int tokensPerStep : new int[] {5, 16, 31, 200}) {
                Hop hop = hop(producer, consumer, 100);
                hop.source().tokensPerStep = tokensPerStep;
                awaitEnd(hop);
                assertThat(hop.target().ending)
                        .as("chunk=%d %s", chunk, hop)
                        .isEqualTo(
                                tokensPerStep > 99 || supports(KvCapability.CHUNKED_PREFILL)
                                        ? Ending.LOADED
                                        : Ending.FAILED);
            }
        }
    }

    static void assertLoaded(Hop hop) {
        assertThat(hop.target().ending).as("%s", hop).isEqualTo(Ending.LOADED);
        assertThat(hop.source().ending).as("%s", hop).isEqualTo(Ending.COMPUTED);
    }

    /** Blocks that were given back still hold what the engine has left there. */
    static void assertUntouched(FakeEngine engine, FakeRequest request) {
        assertThat(engine.touched(request))
                .as("written after the blocks were given back: %s", request)
                .isEmpty();
    }

    private static void assertLeftAlone(FakeRequest request) {
        assertThat(request.ending).as("%s", request).isEqualTo(Ending.COMPUTED);
        assertThat(request.released)
                .as("answered with FREE_NOW, since nothing moves: %s", request)
                .isTrue();
        assertThat(request.sent).isEmpty();
        assertThat(request.loaded).isEmpty();
        assertThat(request.failedLoads).isEmpty();
    }

    private void exchange(EngineShape from, EngineShape to) {
        FakeEngine producer = open(KvRole.PRODUCER, from, Map.of());
        FakeEngine consumer = open(KvRole.CONSUMER, to, Map.of());
        for (int tokens : new int[] {2, 17, 100}) {
            Hop hop = hop(producer, consumer, tokens);
            awaitEnd(hop);
            assertLoaded(hop);
        }
    }
}
