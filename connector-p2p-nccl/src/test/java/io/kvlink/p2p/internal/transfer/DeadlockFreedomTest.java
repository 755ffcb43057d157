// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No ring of nodes ever waits for itself, over thousands of seeded interleavings; and the same
 * simulation does find the rings when the rule that forbids them is taken away.
 */
class DeadlockFreedomTest {

    private static final int SEEDS = 400;
    private static final long TIMEOUT_MS = 10_000;

    @ParameterizedTest(name = "{0}P{1}D window={2} get={3}")
    @CsvSource({
        "2, 2, 1, false",
        "3, 2, 1, false",
        "2, 3, 1, false",
        "3, 3, 1, false",
        "2, 2, 2, false",
        "3, 3, 3, false",
        "2, 2, 1, true",
        "3, 3, 2, true"
    })
    void shouldFinishAllTransfersLongBeforeTheirDeadline(int p, int d, int window, boolean get) {
        for (long seed = 0; seed < SEEDS; seed++) {
            Simulation simulation =
                    simulation(seed, p, d, 2 * 12 * 4, window, get, () -> new Lane(window));
            long ms = simulation.run(TIMEOUT_MS, () -> {});
            assertThat(simulation.notArrived()).as("seed=%d", seed).isEmpty();
            assertThat(ms).as("seed=%d", seed).isLessThan(TIMEOUT_MS / 2);
            simulation.settle(200);
            assertThat(simulation.held()).as("seed=%d", seed).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void shouldDeadlockWithoutTheRule(int nodes) {
        int stuck = 0;
        for (long seed = 0; seed < SEEDS && stuck == 0; seed++) {
            Simulation simulation =
                    simulation(seed, nodes, nodes, 1, 2, false, GrantsToAnySender::new);
            simulation.run(2 * TIMEOUT_MS, () -> {});
            stuck += simulation.notArrived().isEmpty() ? 0 : 1;
        }
        assertThat(stuck).as("runs in which a transfer met its deadline").isPositive();
    }

    private static Simulation simulation(
            long seed,
            int p,
            int d,
            long groupBytes,
            int window,
            boolean get,
            Supplier<Lane> lanes) {
        // A layer or two a group, so that every transfer takes several grants.
        Simulation simulation =
                new Simulation(seed, true, Simulation.limits(window, groupBytes), lanes, get);
        simulation.nodes(p, d, 4096, 4096);
        simulation.transfers(4 * d, 12);
        return simulation;
    }

    /** Breaks the rule: two grants may be out to different senders. */
    private static final class GrantsToAnySender extends Lane {
        private final java.util.ArrayDeque<Inbound> queue = new java.util.ArrayDeque<>();
        private int outstanding;

        GrantsToAnySender() {
            super(2);
        }

        @Override
        void enqueue(Inbound inbound) {
            queue.add(inbound);
        }

        @Override
        void withdraw(Inbound inbound) {
            queue.remove(inbound);
        }

        @Override
        Inbound next() {
            if (outstanding == 2 || queue.isEmpty()) {
                return null;
            }
            outstanding++;
            return queue.remove();
        }

        @Override
        void release() {
            outstanding--;
        }
    }
}
