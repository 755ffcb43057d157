// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.LoadDecision;
import io.kvlink.tck.FakeRequest.Ending;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Rules 6xx: a connector's copies keep the order of the engine's stream. They hold on host memory
 * too, where the engine's work is done when it calls.
 */
@Needs(KvCapability.PEERS)
public abstract class StreamRules extends LifecycleRules {

    private static final int ROUNDS = 6;
    // Room for one request of TOKENS and no other: each takes the blocks of the one before.
    private static final EngineShape TIGHT = EngineShape.DEFAULT.withBlocks(8);
    private static final int TOKENS = 100;

    @Test
    final void required_rule601_noByteLeavesBeforeItIsComputed() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int i = 0; i < ROUNDS; i++) {
            producer.lag();
            Hop hop = hop(producer, consumer, TOKENS);
            awaitEnd(hop);
            assertLoaded(hop);
        }
    }

    @Test
    final void required_rule602_whatFollowsAwaitLayerReadsWhatWasLoaded() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER, TIGHT, Map.of());
        for (int i = 0; i < ROUNDS; i++) {
            Hop hop = hop(producer, consumer, TOKENS);
            hop.target().held = true;
            await("an answer", () -> consumer.ask(hop.target(), 0) instanceof LoadDecision.Load);
            boolean slow = i % 2 == 0;
            if (slow) {
                // The target's blocks are another request's before, for as long as the stream lags.
                consumer.lag();
                consumer.add(Optional.empty(), prompt(TOKENS));
                consumer.step();
            }
            hop.target().held = false;
            awaitEnd(hop);
            assertLoaded(hop);
        }
    }

    @Test
    final void required_rule603_blocksGivenBackMayBeOverwrittenByTheStream() {
        FakeEngine producer = open(KvRole.PRODUCER, TIGHT, Map.of());
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop[] hops = new Hop[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            hops[i] = hop(producer, consumer, TOKENS);
        }
        producer.lag();
        consumer.lag();
        awaitEnd(hops);
        for (Hop hop : hops) {
            assertLoaded(hop);
        }
    }

    @Test
    final void required_rule604_whatWasReceivedStaysUntilTheStreamHasLoadedIt() {
        long room = 3 * EngineShape.DEFAULT.layout().layerBytes(TOKENS);
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer =
                open(KvRole.CONSUMER, EngineShape.DEFAULT, Map.of("kv_buffer_size", room));
        Hop[] hops = new Hop[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            Hop hop = hop(producer, consumer, TOKENS);
            hops[i] = hop;
            hop.target().held = true;
            await("an answer", () -> isAnswer(consumer.ask(hop.target(), 0)));
            consumer.lag();
            hop.target().held = false;
            await("its step", hop.target()::ended);
        }
        // Only now are the bytes looked at: each later one may have had the room of the one before.
        awaitEnd(hops);
        assertLoaded(hops[0]);
        assertThat(hops)
                .allMatch(
                        hop ->
                                hop.target().ending == Ending.LOADED
                                        || hop.target().ending == Ending.FAILED);
    }

    private static boolean isAnswer(LoadDecision decision) {
        return decision instanceof LoadDecision.Load || decision instanceof LoadDecision.Failed;
    }
}
