// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.SendType;
import io.kvlink.p2p.internal.planes.Gpus;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Layers of megabytes between two engines of one thread that never wait for their streams, where
 * the one or the other is 50 ms late. The rules 601 to 603 of the conformance suite with as many
 * bytes as take a while.
 */
abstract class StreamOrderCases {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int BLOCKS = 128;
    private static final int ROUNDS = 4;

    private final String plane;
    private final int gpus;
    private final int tokens;
    private final List<String> events = new ArrayList<>();

    StreamOrderCases(String plane, int gpus) {
        this.plane = plane;
        this.gpus = gpus;
        this.tokens = gpus > 0 ? 2000 : 200; // Bytes are cheap to move on a GPU only.
    }

    @BeforeEach
    final void needGpus() {
        if (gpus > 0) {
            Gpus.assume(gpus);
        }
    }

    @ParameterizedTest
    @EnumSource(SendType.class)
    void noByteLeavesBeforeASlowProducerHasComputedIt(SendType mode) {
        List<NodeEngine> slow = new ArrayList<>();
        try (NodeEngine consumer = open(KvRole.CONSUMER, mode, layer -> {});
                NodeEngine producer =
                        open(
                                KvRole.PRODUCER,
                                mode,
                                layer -> slow.get(0).delay(layer % 4 == 0 ? 1 : 0))) {
            slow.add(producer);
            for (int i = 1; i <= ROUNDS; i++) {
                add(producer, consumer, i);
                awaitEnds(producer, consumer, i);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(SendType.class)
    void aFastConsumerReadsNothingBeforeItIsThere(SendType mode) {
        try (NodeEngine consumer = open(KvRole.CONSUMER, mode, layer -> {});
                NodeEngine producer = open(KvRole.PRODUCER, mode, layer -> {})) {
            for (int i = 1; i <= ROUNDS; i++) {
                add(producer, consumer, i);
                if (i % 2 == 0) {
                    consumer.scribbleLate();
                }
                awaitEnds(producer, consumer, i);
            }
        }
    }

    private NodeEngine open(KvRole role, SendType mode, IntConsumer beforeSave) {
        int device = gpus > 0 ? Gpus.of(role) : -1;
        NodeProcess.Setup setup = new NodeProcess.Setup(mode, plane, device, BLOCKS, TIMEOUT);
        return new NodeEngine(
                TransferNode.settings(setup.words(role, 0).split(" ", -1)),
                events::add,
                beforeSave);
    }

    private void add(NodeEngine producer, NodeEngine consumer, int round) {
        TransferRoute route =
                new TransferRoute(
                        producer.address(),
                        consumer.address(),
                        new TransferId(System.nanoTime(), round, 0));
        consumer.add("to" + round, round, tokens, route);
        producer.add("from" + round, round, tokens, route);
    }

    private void awaitEnds(NodeEngine producer, NodeEngine consumer, int round) {
        events.clear();
        long deadlineNs = System.nanoTime() + TIMEOUT.toNanos();
        while (events.size() < 2) {
            assertThat(System.nanoTime() - deadlineNs).as("%s", events).isNegative();
            producer.step();
            consumer.step();
        }
        assertThat(events)
                .anyMatch(event -> event.startsWith("END to" + round + " LOADED " + plane))
                .anyMatch(event -> event.startsWith("END from" + round + " SENT " + plane));
    }
}
