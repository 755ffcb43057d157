// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvRole;
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
}
