// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.FakeRequest.Ending;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Rules 4xx: every transfer ends, within its deadline, and never with a wrong token. */
@Needs(KvCapability.PEERS)
public abstract class FailureRules extends OwnershipRules {

    @Test
    final void required_rule401_anotherPromptIsNeverLoaded() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        for (int length : new int[] {50, 49, 51}) {
            TransferRoute route = route(producer, consumer);
            int[] prompt = prompt(50);
            int[] other = Arrays.copyOf(prompt, length);
            other[0]++;
            FakeRequest target = consumer.add(Optional.of(route), other);
            FakeRequest source = producer.add(Optional.of(route), prompt);
            awaitEnd(new Hop(source, target));
            assertFailed(target);
            assertThat(target.failures()).anyMatch(text -> text.startsWith("PROMPT_MISMATCH"));
            await("the producer's end", () -> source.released);
        }
        int[] prompt = prompt(50);
        TransferRoute route = route(producer, consumer);
        FakeRequest target = consumer.add(Optional.of(route), prompt, "one tenant");
        FakeRequest source = producer.add(Optional.of(route), prompt, "another");
        awaitEnd(new Hop(source, target));
        assertFailed(target);
        await("the producer's end", () -> source.released);
    }

    @Test
    final void required_rule402_anotherLayoutIsRefusedWithFieldAndBothValues() {
        FakeEngine producer = open(KvRole.PRODUCER);
        EngineShape four = EngineShape.DEFAULT.withKvHeads(4);
        FakeEngine consumer = open(KvRole.CONSUMER, four, Map.of());
        Hop hop = hop(producer, consumer, 50);
        awaitEnd(hop);
        assertFailed(hop.target());
        await("the producer's end", () -> hop.source().released);
        List<String> failures = new ArrayList<>(hop.source().failures());
        failures.addAll(hop.target().failures());
        assertThat(failures)
                .as("one side names the field and both values")
                .anyMatch(text -> text.matches("LAYOUT_MISMATCH .*kvHeads=(2/4|4/2).*"));
    }

    @Test
    final void required_rule403_aProducerThatIsNotThereFailsTheRequest() {
        FakeEngine gone = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(gone, consumer);
        gone.close();
        FakeRequest target = consumer.add(Optional.of(route), prompt(50));
        await("the failure", target::ended);
        assertFailed(target);
    }

    @Test
    final void required_rule404_aConsumerThatIsNotThereFreesTheProducer() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine gone = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, gone);
        gone.close();
        FakeRequest source = producer.add(Optional.of(route), prompt(50));
        await("the end of the prefill", source::ended);
        await("the blocks' return", transferDeadline().plus(unclaimedTtl()), () -> source.released);
        awaitIdle();
        assertThat(source.sent).as("%s", source).hasSizeLessThanOrEqualTo(1);
    }

    @Test
    final void required_rule405_aConsumerThatLeavesEarlyLeavesNothing() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop before = hop(producer, consumer, 50);
        consumer.leave(before.target());
        Hop during = hop(producer, consumer, 50);
        during.source().tokensPerStep = 20;
        stepAll(1);
        consumer.leave(during.target());
        awaitEnd(before, during);
        awaitIdle();
        await("the blocks' return", () -> before.source().released && during.source().released);
        Hop after = hop(producer, consumer, 50);
        awaitEnd(after);
        assertLoaded(after);
    }

    @Test
    final void required_rule406_aProducerThatLeavesMidSaveFailsTheRequest() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop unsaved = hop(producer, consumer, 50);
        producer.leave(unsaved.source());
        Hop halfSaved = hop(producer, consumer, 50);
        halfSaved.source().tokensPerStep = 20;
        stepAll(2);
        producer.leave(halfSaved.source());
        awaitEnd(unsaved, halfSaved);
        assertFailed(unsaved.target());
        assertFailed(halfSaved.target());
        await("the blocks' return", () -> halfSaved.source().released);
    }

    @Test
    final void required_rule407_kvNobodyAsksForIsFreed() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        FakeRequest source = producer.add(Optional.of(route(producer, consumer)), prompt(50));
        await("the end of the prefill", source::ended);
        await("the blocks' return", unclaimedTtl(), () -> source.released);
        await(
                "idle ledgers",
                unclaimedTtl(),
                () ->
                        Stream.of(producer, consumer)
                                .allMatch(engine -> engine.connector().ledger().idle()));
    }

    @Test
    final void required_rule408_aSecondRequestOfOneTransferIsRefused() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        FakeRequest twin = consumer.add(Optional.of(route), prompt);
        Hop hop = hop(producer, consumer, route, prompt);
        awaitEnd(hop, new Hop(hop.source(), twin));
        assertThat(List.of(hop.target().ending, twin.ending))
                .as("%s %s", hop, twin)
                .containsExactlyInAnyOrder(Ending.LOADED, Ending.FAILED);
    }

    @Test
    final void required_rule409_aSecondPrefillOfOneTransferChangesNothing() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        FakeRequest source = producer.add(Optional.of(route), prompt);
        FakeRequest twin = producer.add(Optional.of(route), prompt(50));
        Hop hop = new Hop(source, consumer.add(Optional.of(route), prompt));
        awaitEnd(hop, new Hop(twin, hop.target()));
        assertLoaded(hop);
        await("the blocks' return", () -> source.released && twin.released);
    }

    @Test
    final void required_rule410_aFinishedTransferIsNotServedAgain() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(50);
        Hop hop = hop(producer, consumer, route, prompt);
        awaitEnd(hop);
        assertLoaded(hop);
        FakeRequest again = consumer.add(Optional.of(route), prompt);
        await("the refusal", again::ended);
        assertFailed(again);
    }

    /** The request ended as failed, with an error a peer of any version understands. */
    @Test
    final void required_rule411_aLoadThatBreaksAfterItsAnswerIsReportedFailed() {
        for (LoadMoment moment : LoadMoment.values()) {
            FakeEngine producer = open(KvRole.PRODUCER);
            FakeEngine consumer = open(KvRole.CONSUMER);
            Hop hop = hop(producer, consumer, 200);
            FakeRequest target = hop.target();
            AtomicBoolean certain = new AtomicBoolean();
            target.breakAt(
                    moment,
                    () -> {
                        certain.set(broken(producer, consumer, target));
                        if (!certain.get()) {
                            producer.close();
                        }
                    });
            await("the end of a load that breaks when it is " + moment, target::ended);
            assertEndOfBrokenLoad(consumer, target, certain.get());
            FakeRequest again = consumer.add(Optional.empty(), target.kv.promptTokens());
            await("the prompt to be computed", again::ended);
            assertThat(again.ending).as("%s", again).isEqualTo(Ending.COMPUTED);
        }
    }

    /** One report, of a failure or of the right bytes; nothing is written to the blocks later. */
    final void assertEndOfBrokenLoad(FakeEngine consumer, FakeRequest target, boolean certain) {
        consumer.verify();
        assertThat(target.outcomes()).as("one report of %s", target).hasSize(1);
        if (certain) {
            assertThat(target.loaded).as("a load that broke is none: %s", target).isEmpty();
        }
        if (target.ending == Ending.FAILED) {
            assertFailed(target);
            assertThat(target.released).as("the blocks' return: %s", target).isTrue();
            stepAll(20);
            assertUntouched(consumer, target);
        } else {
            assertThat(target.ending).as("%s", target).isEqualTo(Ending.LOADED);
        }
    }

    static void assertFailed(FakeRequest request) {
        assertThat(request.ending).as("%s", request).isEqualTo(Ending.FAILED);
        assertThat(request.failures())
                .as("a failure says why: %s", request)
                .isNotEmpty()
                .noneMatch(text -> text.startsWith(KvError.UNKNOWN.name()));
    }
}
