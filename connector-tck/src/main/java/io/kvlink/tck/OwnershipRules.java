// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.FakeRequest.State;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rules 3xx: who owns which bytes until when. The engine poisons blocks when they are freed. */
@Needs(KvCapability.PEERS)
public abstract class OwnershipRules extends SchedulingRules {

    @Test
    final void required_rule301_sourceBlocksStayPinnedUntilSent() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(90);
        FakeRequest source = producer.add(Optional.of(route), prompt);
        await("the end of the prefill", source::ended);
        stepAll(5);
        Hop late = new Hop(source, consumer.add(Optional.of(route), prompt));
        awaitEnd(late);
        assertLoaded(late);
        await("the blocks' return", () -> source.released);
    }

    @Test
    final void required_rule302_eachTransferIsReportedOnceAtEachSide() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = hop(producer, consumer, 50);
        awaitEnd(hop);
        await("the producer's report", () -> !hop.source().sent.isEmpty());
        stepAll(50);
        assertThat(hop.source().sent).as("%s", hop).hasSize(1);
        assertThat(hop.target().loaded).as("%s", hop).hasSize(1);
        assertThat(hop.target().failedLoads).isEmpty();
        assertThat(hop.target().sent).isEmpty();
        assertThat(hop.source().loaded).isEmpty();
        TransferOutcome outcome = hop.target().loaded.get(0);
        assertThat(outcome.failure()).isEmpty();
        assertThat(outcome.id()).contains(hop.target().kv.route().orElseThrow().id());
        assertThat(outcome.bytes()).isEqualTo(3 * EngineShape.DEFAULT.layout().layerBytes(49));
    }

    @Test
    final void required_rule303_nothingIsWrittenAfterTheConsumerLeft() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int i = 0; i < 8; i++) {
            Hop hop = hop(producer, consumer, 200);
            await("blocks", () -> hop.target().state != State.WAITING);
            consumer.leave(hop.target());
            await("their return", () -> hop.target().released);
            stepAll(20);
            assertUntouched(consumer, hop.target());
            await("the producer's end", () -> hop.source().released);
        }
    }

    @Test
    final void required_rule304_everyBlockComesBackAndTheLedgerIsIdle() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop[] hops = new Hop[8];
        for (int i = 0; i < hops.length; i++) {
            hops[i] = hop(producer, consumer, 100 + i);
        }
        awaitEnd(hops);
        awaitIdle();
        for (Hop hop : hops) {
            await("blocks of " + hop, () -> hop.source().released && hop.target().released);
        }
    }

    @Test
    final void required_rule305_kvLeavesTheProducerWhenItsModeSays() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(90);
        FakeRequest source = producer.add(Optional.of(route), prompt);
        if (supports(KvCapability.PUSH)) {
            await("a push before anybody asks", () -> !source.sent.isEmpty() && source.released);
            assertThat(source.failures()).isEmpty();
        } else {
            await("the end of the prefill", source::ended);
            stepAll(20);
            assertThat(consumer.connector().ledger())
                    .as("nothing comes before it is fetched: %s", source)
                    .matches(KvLedger::idle, "an idle ledger");
        }
        Hop late = new Hop(source, consumer.add(Optional.of(route), prompt));
        awaitEnd(late);
        assertLoaded(late);
    }
}
