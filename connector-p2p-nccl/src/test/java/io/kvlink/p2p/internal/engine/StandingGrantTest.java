// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One real node, and a peer that does its part of a standing grant whenever the test likes. */
class StandingGrantTest {

    private static final long ROOM = 1 << 12;

    @Test
    void shouldGrantWithItsCallWhereThereIsRoom() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        assertThat(receiver.fetch().ticket()).isPositive();
        assertThat(receiver.fetch().tokens()).isEqualTo(PlayedPeer.TOKENS);
        assertThat(receiver.fetch().digest()).isEqualTo(PlayedPeer.DIGEST);
        assertThat(receiver.node.memory.leases()).isEqualTo(1);
        receiver.send(
                new Frame.Offer(
                        PlayedPeer.ID,
                        PlayedPeer.TOKENS,
                        PlayedPeer.DIGEST,
                        0,
                        Simulation.LAYERS,
                        false));
        assertThat(receiver.peer.received()).as("the offer that crossed it").isEmpty();
        receiver.giveUp();
    }

    @Test
    void shouldGrantNothingInAdvanceWhereMemoryIsShort() {
        PlayedProducer receiver = new PlayedProducer(1, 2 * layers() - 1);
        assertThat(receiver.fetch().ticket()).isZero();
        receiver.send(
                new Frame.Offer(
                        PlayedPeer.ID,
                        PlayedPeer.TOKENS,
                        PlayedPeer.DIGEST,
                        0,
                        Simulation.LAYERS,
                        false));
        assertThat(receiver.peer.received()).hasOnlyElementsOfType(Frame.Grant.class);
        receiver.giveUp();
    }

    @Test
    void shouldHoldAtMostHalfOfItsMemoryInAdvance() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        List<AwaitedKv> waiting = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            waiting.add(receiver.expect(new TransferId(8, 100 + i, 0)));
        }
        PlayedPeer.pump(receiver.simulation, receiver.node);
        assertThat(receiver.node.memory.bufferBytes()).isBetween(ROOM / 4, ROOM / 2);
        waiting.forEach(receiver.node.control::release);
        receiver.giveUp();
    }

    @Test
    void shouldRefuseAnotherPromptThatIsOfferedMeanwhile() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        receiver.send(
                new Frame.Offer(
                        PlayedPeer.ID,
                        PlayedPeer.TOKENS,
                        PlayedPeer.DIGEST + 1,
                        0,
                        Simulation.LAYERS,
                        false));
        assertThat(receiver.failure()).isEqualTo(KvError.PROMPT_MISMATCH);
        receiver.settle();
    }

    @Test
    void shouldFreeItAtTheDeadlineOfATransferThatNeverBegins() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        receiver.answerPings = true;
        receiver.pass(9_900);
        assertThat(Waits.status(receiver.expectation)).isInstanceOf(Expectation.Waiting.class);
        receiver.pass(300);
        assertThat(receiver.failure()).isEqualTo(KvError.DEADLINE);
        receiver.settle();
    }

    @Test
    void shouldAskARestartedSenderAgainUnderANewTicket() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        long first = receiver.fetch().ticket();
        receiver.send(new Frame.Bye());
        receiver.accept(10);
        assertThat(receiver.fetch().ticket()).isPositive().isNotEqualTo(first);
        assertThat(receiver.node.memory.leases()).as("for one ticket").isEqualTo(1);
        receiver.giveUp();
    }

    @Test
    void shouldCallAgainWhereItsCallCouldNotBeSent() {
        PlayedProducer receiver = callsInVain();
        receiver.simulation.network.full(receiver.node.address, false);
        receiver.pass(100);
        assertThat(receiver.peer.received())
                .singleElement()
                .isInstanceOfSatisfying(
                        Frame.Fetch.class, fetch -> assertThat(fetch.ticket()).isPositive());
        receiver.giveUp();
    }

    @Test
    void shouldNotCallForARequestThatHasLeft() {
        PlayedProducer receiver = callsInVain();
        receiver.node.control.release(receiver.expectation);
        receiver.simulation.stepNode(receiver.node);
        receiver.simulation.network.full(receiver.node.address, false);
        receiver.pass(100);
        assertThat(receiver.peer.received()).isEmpty();
        receiver.giveUp();
    }

    // The prefill instance restarts, and its new start can't be told anything.
    private static PlayedProducer callsInVain() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        receiver.send(new Frame.Bye());
        receiver.simulation.settle(100);
        receiver.simulation.network.full(receiver.node.address, true);
        receiver.accept(10);
        assertThat(receiver.node.memory.leases()).as("of the new ticket").isEqualTo(1);
        assertThat(receiver.peer.received()).isEmpty();
        return receiver;
    }

    @Test
    void shouldHaveAnOfferRepeatedIfItTakesItsGrantBack() {
        PlayedProducer receiver = new PlayedProducer(1, ROOM);
        PlayedPeer other = receiver.secondLink();
        other.send(
                new Frame.Offer(
                        PlayedPeer.ID,
                        PlayedPeer.TOKENS,
                        PlayedPeer.DIGEST,
                        0,
                        Simulation.LAYERS,
                        false));
        PlayedPeer.pump(receiver.simulation, receiver.node);
        assertThat(other.received()).isEmpty();
        receiver.send(new Frame.Bye());
        receiver.accept(9);
        assertThat(other.received()).hasOnlyElementsOfType(Frame.Busy.class);
        receiver.giveUp();
    }

    @ParameterizedTest
    @CsvSource({"false, true", "false, false", "true, true", "true, false"})
    void shouldSendUnderAStandingGrantWithoutAnOffer(boolean get, boolean fetchedFirst) {
        PlayedConsumer sender = new PlayedConsumer(get);
        if (fetchedFirst) {
            sender.fetch(PlayedPeer.DIGEST, 77);
            sender.start();
        } else {
            sender.start();
            sender.fetch(PlayedPeer.DIGEST, 77);
        }
        sender.saveAll();
        assertThat(sender.sending()).hasSize(Simulation.LAYERS).containsOnly(77L);
        sender.cancel();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldRefuseAGrantForAnotherPrompt(boolean get) {
        PlayedConsumer sender = new PlayedConsumer(get);
        sender.start();
        sender.fetch(PlayedPeer.DIGEST + 1, 77);
        assertThat(sender.outbound.ended()).isTrue();
        assertThat(sender.failure()).contains(KvError.PROMPT_MISMATCH);
        assertThat(sender.peer.received())
                .anySatisfy(
                        frame ->
                                assertThat(frame)
                                        .isInstanceOfSatisfying(
                                                Frame.Cancel.class,
                                                cancel ->
                                                        assertThat(cancel.error())
                                                                .isEqualTo(
                                                                        KvError.PROMPT_MISMATCH)));
    }

    @Test
    void shouldTakeAGrantWhileItBacksOff() {
        PlayedConsumer sender = new PlayedConsumer(false);
        sender.start();
        Frame offer = sender.offers().get(0);
        assertThat(offer).isInstanceOf(Frame.Offer.class);
        sender.answerOffer(new Frame.Busy(PlayedPeer.ID, 5_000));
        assertThat(sender.outbound.offered()).isFalse();
        sender.fetch(PlayedPeer.DIGEST, 78);
        sender.saveAll();
        assertThat(sender.sending()).hasSize(Simulation.LAYERS).containsOnly(78L);
        sender.cancel();
    }

    @Test
    void shouldSendAtOnceWhatWasSavedWhileItsOfferWasOut() {
        PlayedConsumer sender = new PlayedConsumer(false);
        sender.start();
        sender.offers();
        sender.saveAll();
        assertThat(sender.sending()).as("not granted yet").isEmpty();
        sender.answerOffer(new Frame.Grant(PlayedPeer.ID, 79, 0, Simulation.LAYERS, false));
        assertThat(sender.sending()).hasSize(Simulation.LAYERS).containsOnly(79L);
        sender.answerOffer(new Frame.Cancel(PlayedPeer.ID, KvError.CANCELLED, "enough"));
        sender.cancel();
    }

    @Test
    void shouldGiveUpWhenTheReceiverTakesItsGrantBack() {
        PlayedConsumer sender = new PlayedConsumer(true);
        sender.start();
        sender.fetch(PlayedPeer.DIGEST, 77);
        sender.fetch(PlayedPeer.DIGEST, 0);
        assertThat(sender.failure()).contains(KvError.PEER_LOST);
        assertThat(sender.outbound.ended()).isTrue();
    }

    @Test
    void shouldTellWhoeverFetchedThatNobodyBegan() {
        PlayedConsumer sender = new PlayedConsumer(false);
        sender.fetch(PlayedPeer.DIGEST, 77);
        sender.peer.received();
        for (int i = 0; i < 12; i++) {
            sender.simulation.settle(1_000);
            sender.peer.send(new Frame.Ping());
            PlayedPeer.pump(sender.simulation, sender.node);
        }
        assertThat(sender.peer.received()).hasAtLeastOneElementOfType(Frame.Cancel.class);
    }

    private static long layers() {
        return Simulation.LAYERS * Simulation.LAYOUT.layerBytes(PlayedPeer.TOKENS);
    }
}
