// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.FakeRequest.Ending;
import io.kvlink.tck.FakeRequest.State;
import io.kvlink.tck.pool.WatchedHostPools;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** 9xx: liberties that an engine may take. */
@Needs(KvCapability.PEERS)
abstract class EngineRules extends AttachmentRules {

    @Test
    final void required_rule901_aHeadThatTheProducerHadCachedChangesHandsToo() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = hop(producer, consumer, 50);
        hop.source().computed = 21;
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule902_theEngineMayTakeFewerTokensThanOffered() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = hop(producer, consumer, 50);
        hop.target().acceptsAtMost = 32;
        hop.target().keepsTheRest = true;
        Hop behind = hop(producer, consumer, 50);
        behind.target().acceptsAtMost = 7;
        boolean prefix = supports(KvCapability.LOAD_BEHIND_PREFIX);
        behind.target().computed = prefix ? 16 : 0;
        awaitEnd(hop, behind);
        assertLoaded(hop);
        assertThat(hop.target().loading).isEqualTo(32);
        assertLoaded(behind);
        assertThat(behind.target().loading).isEqualTo(7);
    }

    @Test
    final void required_rule903_whatIsPreemptedLeavesNothingBehind() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop waiting = hop(producer, consumer, 50);
        consumer.preempt(waiting.target());
        Hop halfSaved = hop(producer, consumer, 50);
        halfSaved.source().tokensPerStep = 20;
        stepAll(2);
        producer.preempt(halfSaved.source());
        awaitEnd(waiting, halfSaved);
        assertFailed(halfSaved.target());
        await("the blocks' return", () -> halfSaved.source().released);
        Hop next = hop(producer, consumer, 50);
        awaitEnd(next);
        assertLoaded(next);
    }

    @Test
    final void required_rule904_aLoadLeavesTheHeadThatTheEngineComputedAlone() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int head : new int[] {1, 16, 21}) {
            Hop hop = hop(producer, consumer, 50);
            hop.target().computed = head;
            hop.target().ownHead = head;
            awaitEnd(hop);
            boolean behind = supports(KvCapability.LOAD_BEHIND_PREFIX);
            assertThat(hop.target().loading).as("%s", hop).isEqualTo(behind ? 49 - head : 0);
        }
    }

    @Test
    final void required_rule905_aLoadThatIsPreemptedWritesNothingLater() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = hop(producer, consumer, 200);
        FakeRequest target = hop.target();
        target.held = true;
        await("blocks", () -> consumer.admit(target) || target.state == State.LOADING);
        consumer.preempt(target);
        awaitEnd(hop);
        await("the blocks' return", () -> target.released && hop.source().released);
        stepAll(20);
        assertUntouched(consumer, target);
        assertThat(target.outcomes()).as("one report at most: %s", target).hasSizeLessThan(2);
        Hop next = hop(producer, consumer, 50);
        awaitEnd(next);
        assertLoaded(next);
    }

    @Test
    final void required_rule906_ranksAboveTheFirstExchangeKv() {
        FakeEngine[] producers = new FakeEngine[3];
        FakeEngine[] consumers = new FakeEngine[3];
        List<Hop> hops = new ArrayList<>();
        Map<String, Object> ofProducer = Map.of("kv_port", RankPorts.free(3));
        Map<String, Object> ofConsumer = Map.of("kv_port", RankPorts.free(3));
        for (int rank = 0; rank < 3; rank++) {
            EngineShape shape = EngineShape.DEFAULT.ofRank(rank, 3);
            producers[rank] = open(KvRole.PRODUCER, shape, ofProducer);
            consumers[rank] = open(KvRole.CONSUMER, shape, ofConsumer);
            hops.add(hop(producers[rank], consumers[rank], 50));
            hops.add(hop(producers[rank], consumers[rank], 65));
        }
        awaitEnd(hops.toArray(Hop[]::new));
        hops.forEach(DeliveryRules::assertLoaded);
    }

    @Test
    final void required_rule910_memoryOfAHostPoolIsGivenBack() {
        WatchedHostPools pools = new WatchedHostPools(hostPools(), false);
        assertThat(endsWithASmallBuffer(pools))
                .as("endings of 12 requests with room for one, and a pool")
                .contains(Ending.LOADED)
                .isSubsetOf(Ending.LOADED, Ending.FAILED);
        WatchedHostPools full = new WatchedHostPools(hostPools(), true);
        assertThat(endsWithASmallBuffer(full))
                .as("endings of 12 requests with room for one, and a pool that has none")
                .contains(Ending.LOADED)
                .isSubsetOf(Ending.LOADED, Ending.FAILED);
    }

    private List<Ending> endsWithASmallBuffer(WatchedHostPools pools) {
        long bytes = 3 * EngineShape.DEFAULT.layout().layerBytes(64);
        Map<String, Object> small = Map.of("kv_buffer_size", bytes);
        FakeEngine producer = open(KvRole.PRODUCER, small, pools);
        FakeEngine consumer = open(KvRole.CONSUMER, small, pools);
        Hop[] hops = new Hop[12];
        Arrays.setAll(hops, i -> hop(producer, consumer, 65));
        awaitEnd(hops);
        awaitIdle();
        assertThat(pools.owners()).as("owners of leases when all ledgers are idle").isEmpty();
        producer.close();
        consumer.close();
        assertThat(pools.openPools()).as("pools that close() left open").isZero();
        return Arrays.stream(hops).map(hop -> hop.target().ending).toList();
    }
}
