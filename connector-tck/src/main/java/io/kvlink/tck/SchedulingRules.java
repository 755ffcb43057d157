// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rules 2xx: what an engine's scheduler may rely on. */
@Needs(KvCapability.PEERS)
public abstract class SchedulingRules extends DeliveryRules {

    @Test
    final void required_rule201_askingHasNoSideEffectAndNeverBlocks() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        FakeRequest target = consumer.add(Optional.of(route), prompt);
        target.held = true;
        askOften(consumer, target);
        Hop hop = new Hop(producer.add(Optional.of(route), prompt), target);
        await("an answer", () -> consumer.ask(target, 0) instanceof LoadDecision.Load);
        LoadDecision answer = consumer.ask(target, 0);
        askOften(consumer, target);
        assertThat(consumer.ask(target, 0)).isEqualTo(answer);
        target.held = false;
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule202_aRequestWhoseKvIsNotThereYetIsAskedAgain() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        FakeRequest target = consumer.add(Optional.of(route), prompt);
        stepAll(20);
        assertThat(consumer.ask(target, 0)).as("%s", target).satisfies(SchedulingRules::notYet);
        FakeRequest other = consumer.add(Optional.empty(), prompt(20));
        consumer.step();
        assertThat(other.ended()).as("others go on: %s", other).isTrue();
        Hop hop = new Hop(producer.add(Optional.of(route), prompt), target);
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule203_anIdleEngineIsWokenWhenTheAnswerChanges() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        FakeRequest target = consumer.add(Optional.of(route), prompt);
        stepAll(3);
        int before = consumer.wakeups();
        Hop hop = new Hop(producer.add(Optional.of(route), prompt), target);
        await(
                "a wakeup of the consumer, which isn't stepped",
                transferDeadline(),
                () -> consumer.wakeups() > before,
                producer::step);
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule204_aLoadFollowsWhatTheEngineHas() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = hop(producer, consumer, 50);
        hop.target().held = true;
        await("an answer", () -> consumer.ask(hop.target(), 0) instanceof LoadDecision.Load);
        assertThat(consumer.ask(hop.target(), 49))
                .isInstanceOfSatisfying(
                        LoadDecision.Load.class, load -> assertThat(load.tokens()).isZero());
        hop.target().computed = 16;
        hop.target().held = false;
        awaitEnd(hop);
        int expected = supports(KvCapability.LOAD_BEHIND_PREFIX) ? 49 - 16 : 0;
        assertThat(hop.target().loading).as("%s", hop).isEqualTo(expected);
    }

    @Test
    final void required_rule205_idleStepsReportNothing() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int i = 0; i < 100; i++) {
            assertThat(producer.step()).isEqualTo(WorkerReport.EMPTY);
            assertThat(consumer.step()).isEqualTo(WorkerReport.EMPTY);
        }
        Hop hop = hop(producer, consumer, 50);
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule206_oneRequestThatWaitsDoesNotHoldUpAnother() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        FakeRequest first = consumer.add(Optional.of(route), prompt);
        Hop second = hop(producer, consumer, 60);
        awaitEnd(second);
        assertLoaded(second);
        assertThat(first.ended()).as("ended, though its KV never came: %s", first).isFalse();
        Hop late = new Hop(producer.add(Optional.of(route), prompt), first);
        awaitEnd(late);
        assertLoaded(late);
    }

    private void askOften(FakeEngine engine, FakeRequest request) {
        long start = System.nanoTime();
        for (int i = 0; i < 1000; i++) {
            engine.ask(request, 0);
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .as("1000 calls of matchedTokens")
                .isLessThan(slack());
    }

    private static void notYet(LoadDecision decision) {
        boolean later =
                decision instanceof LoadDecision.AskAgain
                        || (decision instanceof LoadDecision.Load load && load.async());
        assertThat(later)
                .as("AskAgain or an asynchronous load, since no KV is there: %s", decision)
                .isTrue();
    }
}
