// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each row of the race tables in docs/deadlock.md, played at each end that it is about. */
class RacesTest {

    private static final long ROOM = 1 << 12;

    static Stream<Arguments> races() {
        return Stream.of(
                race("P's `Offer` crosses the `Fetch`", RacesTest::offerCrosses),
                race("P was told BUSY, or is still dialling", RacesTest::toldBusyOrDialling),
                race("another prompt at P", RacesTest::anotherPrompt),
                race("D gives the request up", RacesTest::givenUp),
                race("P never begins", RacesTest::neverBegun),
                race("the session ends before a layer came", RacesTest::sessionEnds),
                race("the plane fails before a layer came", RacesTest::planeFails),
                race("either of these, while D's engine loads it", RacesTest::loadsAlready),
                race("P already sends to another session", RacesTest::sendsElsewhere),
                race(
                        "the engine lets go of a transfer while the device still reports its last layer",
                        RacesTest::lastLayer),
                race("a second request comes for it then", RacesTest::secondAfterTheEnd),
                race(
                        "a second request comes while the first one waits or loads",
                        RacesTest::secondMeanwhile),
                race(
                        "a second request comes while the device lets go of a transfer that has failed",
                        RacesTest::secondWhileDraining));
    }

    private static Arguments race(String row, Runnable play) {
        return Arguments.of(row, play);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("races")
    void shouldEndAsTheTableSays(String row, Runnable play) {
        play.run();
    }

    @Test
    void shouldPlayEachRowOfTheTables() throws IOException {
        List<String> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("..", "docs", "deadlock.md"))) {
            if (line.startsWith("| ") && !line.startsWith("| race ")) {
                rows.add(line.substring(2, line.indexOf(" | ")));
            }
        }
        assertThat(races().map(race -> race.get()[0])).containsExactlyElementsOf(rows);
    }

    private static Frame.Offer offer(long digest) {
        return new Frame.Offer(
                PlayedPeer.ID, PlayedPeer.TOKENS, digest, 0, Simulation.LAYERS, false);
    }

    private static void offerCrosses() {
        PlayedProducer producer = new PlayedProducer(1, ROOM);
        PlayedPeer second = producer.secondLink();
        second.send(offer(PlayedPeer.DIGEST));
        PlayedPeer.pump(producer.simulation, producer.node);
        assertThat(second.received()).isEmpty();
        assertThat(producer.peer.received()).isEmpty();
        producer.settle();

        PlayedConsumer consumer = new PlayedConsumer(false);
        consumer.start();
        assertThat(consumer.offers()).hasOnlyElementsOfType(Frame.Offer.class);
        sendsUnder(consumer, 77);
    }

    private static void sendsUnder(PlayedConsumer consumer, long ticket) {
        consumer.fetch(PlayedPeer.DIGEST, ticket);
        consumer.saveAll();
        assertThat(consumer.sending()).hasSize(Simulation.LAYERS).containsOnly(ticket);
        consumer.cancel();
    }

    private static void toldBusyOrDialling() {
        PlayedConsumer told = new PlayedConsumer(false);
        told.start();
        told.offers();
        told.answerOffer(new Frame.Busy(PlayedPeer.ID, 5_000));
        sendsUnder(told, 77);

        PlayedConsumer dialled = new PlayedConsumer(false);
        dialled.start();
        sendsUnder(dialled, 78);
    }

    private static void anotherPrompt() {
        PlayedConsumer consumer = new PlayedConsumer(false);
        consumer.start();
        consumer.fetch(PlayedPeer.DIGEST + 1, 77);
        assertThat(consumer.failure()).contains(KvError.PROMPT_MISMATCH);
        assertThat(errors(consumer.peer)).containsExactly(KvError.PROMPT_MISMATCH);

        PlayedProducer producer = new PlayedProducer(1, ROOM);
        producer.send(offer(PlayedPeer.DIGEST + 1));
        assertThat(producer.failure()).isEqualTo(KvError.PROMPT_MISMATCH);
        assertThat(errors(producer.peer)).containsExactly(KvError.PROMPT_MISMATCH);
        producer.settle();
    }

    private static List<KvError> errors(PlayedPeer peer) {
        return peer.received().stream()
                .filter(Frame.Cancel.class::isInstance)
                .map(frame -> ((Frame.Cancel) frame).error())
                .toList();
    }

    private static void givenUp() {
        PlayedProducer producer = new PlayedProducer(1, ROOM);
        assertThat(producer.fetch().ticket()).isPositive();
        producer.settle();
        assertThat(errors(producer.peer)).containsExactly(KvError.CANCELLED);

        PlayedConsumer adopted = new PlayedConsumer(true);
        adopted.start();
        adopted.fetch(PlayedPeer.DIGEST, 77);
        adopted.cancel();

        PlayedConsumer kept = new PlayedConsumer(true);
        kept.fetch(PlayedPeer.DIGEST, 77);
        kept.peer.send(new Frame.Cancel(PlayedPeer.ID, KvError.CANCELLED, "enough"));
        PlayedPeer.pump(kept.simulation, kept.node);
        kept.start();
        assertThat(kept.failure()).contains(KvError.CANCELLED);
    }

    private static void neverBegun() {
        PlayedProducer producer = new PlayedProducer(1, ROOM);
        producer.answerPings = true;
        producer.pass(10_200);
        assertThat(producer.failure()).isEqualTo(KvError.DEADLINE);
        producer.settle();

        PlayedConsumer consumer = new PlayedConsumer(false);
        consumer.fetch(PlayedPeer.DIGEST, 77);
        for (int second = 0; second < 12; second++) {
            consumer.simulation.settle(1_000);
            consumer.peer.send(new Frame.Ping());
            PlayedPeer.pump(consumer.simulation, consumer.node);
        }
        assertThat(errors(consumer.peer)).containsExactly(KvError.DEADLINE);
    }

    private static void sessionEnds() {
        PlayedProducer producer = new PlayedProducer(1, ROOM);
        long first = producer.fetch().ticket();
        producer.send(new Frame.Bye());
        producer.accept(10);
        assertThat(producer.fetch().ticket()).isPositive().isNotEqualTo(first);
        assertThat(producer.node.memory.leases()).isEqualTo(1);
        producer.settle();

        PlayedConsumer adopted = new PlayedConsumer(true);
        adopted.start();
        adopted.fetch(PlayedPeer.DIGEST, 77);
        adopted.peer.send(new Frame.Bye());
        PlayedPeer.pump(adopted.simulation, adopted.node);
        assertThat(adopted.failure()).contains(KvError.PEER_LOST);
    }

    private static void planeFails() {
        PlayedProducer producer = new PlayedProducer(1, ROOM);
        assertThat(producer.fetch().ticket()).isPositive();
        producer.simulation.fabric.kill(producer.address + "/9");
        PlayedPeer.pump(producer.simulation, producer.node);
        assertThat(producer.peer.received())
                .singleElement()
                .isInstanceOfSatisfying(
                        Frame.Fetch.class, again -> assertThat(again.ticket()).isZero());
        assertThat(producer.node.memory.leases()).isZero();
        producer.settle();

        PlayedConsumer adopted = new PlayedConsumer(true);
        adopted.start();
        adopted.fetch(PlayedPeer.DIGEST, 77);
        adopted.fetch(PlayedPeer.DIGEST, 0);
        assertThat(adopted.failure()).contains(KvError.PEER_LOST);
    }

    // Layers travel while the consumer loads: the simulation's even seeds.
    private static void loadsAlready() {
        PlayedProducer producer = new PlayedProducer(2, ROOM);
        producer.send(new Frame.Saved(PlayedPeer.ID));
        assertThat(Waits.status(producer.expectation)).isInstanceOf(Expectation.Ready.class);
        producer.send(new Frame.Bye());
        Expectation.Ready ready = (Expectation.Ready) Waits.status(producer.expectation);
        assertThat(ready.failure())
                .isNotNull()
                .satisfies(failed -> assertThat(failed.error()).isEqualTo(KvError.PEER_LOST));
        assertThat(producer.node.memory.leases()).as("the engine still reads").isEqualTo(1);
        producer.settle();
    }

    private static void sendsElsewhere() {
        PlayedConsumer consumer = new PlayedConsumer(true);
        consumer.start();
        consumer.fetch(PlayedPeer.DIGEST, 77);
        PlayedPeer second = consumer.secondLink();
        second.send(
                new Frame.Fetch(PlayedPeer.ID, PlayedPeer.TOKENS, PlayedPeer.DIGEST, 78, false));
        PlayedPeer.pump(consumer.simulation, consumer.node);
        assertThat(errors(second)).containsExactly(KvError.BAD_ROUTE);
        consumer.saveAll();
        assertThat(consumer.sending()).hasSize(Simulation.LAYERS).containsOnly(77L);
        consumer.cancel();
    }

    private static LoneTransfer loaded() {
        LoneTransfer lone =
                new LoneTransfer(
                        new Simulation(2, false, 0),
                        new LoneTransfer.Memory(ROOM, ROOM),
                        PlayedPeer.TOKENS,
                        false,
                        false);
        lone.transfer.stepDecode();
        lone.simulation.settle(200);
        lone.simulation.meanwhile =
                node -> {
                    while (node == lone.decode && lone.transfer.stepDecode()) {
                        assertThat(lone.transfer.failure).isEmpty();
                    }
                };
        lone.save(2 + lone.transfer.chunks.count() * Simulation.LAYERS);
        lone.finish();
        return lone;
    }

    private static void lastLayer() {
        LoneTransfer lone = loaded();
        assertThat(lone.transfer.arrived).isTrue();
        assertThat(lone.prefill.sent)
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.failure()).isEmpty());
    }

    private static void secondAfterTheEnd() {
        LoneTransfer lone = loaded();
        AwaitedKv second =
                new AwaitedKv(lone.transfer.request, lone.transfer.digest(), Simulation.GROUPS);
        lone.decode.control.expect(second);
        lone.simulation.stepNode(lone.decode);
        assertThat(error(second)).isEqualTo(KvError.NO_SUCH_TRANSFER);
    }

    private static KvError error(AwaitedKv refused) {
        return ((Expectation.Failed) Waits.status(refused)).error();
    }

    private static void secondMeanwhile() {
        for (boolean loads : new boolean[] {false, true}) {
            PlayedProducer producer = new PlayedProducer(2, ROOM);
            if (loads) {
                producer.send(new Frame.Saved(PlayedPeer.ID));
            }
            assertThat(Waits.status(producer.expectation) instanceof Expectation.Ready)
                    .isEqualTo(loads);
            AwaitedKv second = producer.expect(PlayedPeer.ID);
            producer.simulation.stepNode(producer.node);
            assertThat(error(second)).isEqualTo(KvError.BAD_ROUTE);
            producer.settle();
        }
    }

    private static void secondWhileDraining() {
        PlayedProducer producer = new PlayedProducer(1, ROOM);
        producer.node.control.release(producer.expectation);
        AwaitedKv second = producer.expect(PlayedPeer.ID);
        producer.node.control.doWork(producer.simulation.nowNs);
        assertThat(error(second)).isEqualTo(KvError.CANCELLED);
        assertThat(producer.node.memory.leases()).as("the device has it").isEqualTo(1);
        producer.settle();
    }
}
