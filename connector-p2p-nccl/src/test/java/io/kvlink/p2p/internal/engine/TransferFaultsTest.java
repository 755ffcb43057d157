// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.memory.KvBuffer;
import io.kvlink.p2p.internal.memory.Lease;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Nodes die and come back in the middle; memory is short. Every transfer ends, and nothing stays.
 */
class TransferFaultsTest {

    @ParameterizedTest(name = "get {0}")
    @ValueSource(booleans = {false, true})
    void shouldEndEveryTransferWhenNodesDieAndRestart(boolean get) {
        int arrived = 0;
        int failed = 0;
        for (long seed = 0; seed < 300; seed++) {
            Simulation simulation = new Simulation(seed, get);
            simulation.nodes(2, 2, 4096, 4096);
            simulation.transfers(10, 12);
            simulation.run(80_000, () -> sometimesKill(simulation));
            assertThat(simulation.transfers)
                    .as("seed=%d", seed)
                    .allMatch(Simulation.Transfer::over);
            simulation.settle(70_000);
            assertThat(simulation.held()).as("seed=%d", seed).isEmpty();
            for (Simulation.Transfer transfer : simulation.transfers) {
                arrived += transfer.arrived ? 1 : 0;
                failed += transfer.failure.isEmpty() ? 0 : 1;
            }
        }
        assertThat(arrived).as("arrived").isGreaterThan(100);
        assertThat(failed).as("failed").isGreaterThan(20);
    }

    @Test
    void shouldFinishAllTransfersWhenMemoryHoldsOnlyOne() {
        for (long seed = 0; seed < 200; seed++) {
            Simulation simulation = new Simulation(seed, false);
            long one = Simulation.LAYERS * Simulation.LAYOUT.layerBytes(12 + 1);
            simulation.nodes(3, 1, 0, one);
            simulation.transfers(8, 12);
            simulation.run(10_000, () -> {});
            assertThat(simulation.notArrived()).as("seed=%d", seed).isEmpty();
            simulation.settle(200);
            assertThat(simulation.held()).as("seed=%d", seed).isEmpty();
        }
    }

    @Test
    void shouldFailAtOnceWhatCanNeverFit() {
        Simulation simulation = new Simulation(1, false);
        simulation.nodes(1, 1, 0, Simulation.LAYERS * Simulation.LAYOUT.layerBytes(12) - 1);
        simulation.transfers.add(
                simulation
                .new Transfer(simulation.prefills.get(0), simulation.decodes.get(0), 12, 0));
        long ms = simulation.run(10_000, () -> {});
        assertThat(simulation.transfers.get(0).failure).startsWith("TOO_LARGE");
        assertThat(ms).isLessThan(1_000);
        simulation.settle(200);
        assertThat(simulation.held()).isEmpty();
    }

    /** The system turns out to have less than was planned. */
    @Test
    void shouldFailAtOnceWhatTheSystemHasNoMemoryFor() {
        Simulation simulation = new Simulation(1, false);
        Missing missing = new Missing(simulation);
        simulation.buffers = bytes -> missing;
        simulation.nodes(1, 1, 0, 1 << 20);
        simulation.transfers.add(
                simulation
                .new Transfer(simulation.prefills.get(0), simulation.decodes.get(0), 12, 0));
        simulation.run(10_000, () -> {});
        assertThat(simulation.transfers.get(0).failure)
                .startsWith("TOO_LARGE")
                .contains("-XX:MaxDirectMemorySize");
        assertThat(missing.deniedNs)
                .as("at once, not when P asks again")
                .isEqualTo(missing.askedNs);
        simulation.settle(200);
        assertThat(simulation.held()).isEmpty();
    }

    /** Memory that is planned, but isn't there when it is needed. */
    private static final class Missing implements KvBuffer {
        private final Simulation simulation;
        private boolean asked;
        private long askedNs;
        // When it was first seen that there is less.
        private long deniedNs = Long.MAX_VALUE;

        Missing(Simulation simulation) {
            this.simulation = simulation;
        }

        @Override
        public @Nullable Lease tryLease(long bytes) {
            asked = true;
            askedNs = simulation.nowNs;
            return null;
        }

        @Override
        public long budgetBytes() {
            return 0; // Nothing is granted in advance.
        }

        @Override
        public long capacity(long bytes) {
            if (!asked) {
                return 1000;
            }
            deniedNs = Math.min(deniedNs, simulation.nowNs);
            return 0;
        }

        @Override
        public long leasedBytes() {
            return 0;
        }

        @Override
        public long reservedBytes() {
            return 0;
        }

        @Override
        public int leases() {
            return 0;
        }

        @Override
        public void close() {}
    }

    private static void sometimesKill(Simulation simulation) {
        if (simulation.random.nextInt(12) == 0) {
            var nodes = simulation.random.nextBoolean() ? simulation.prefills : simulation.decodes;
            Simulation.Node node = nodes.get(simulation.random.nextInt(nodes.size()));
            if (node.alive) {
                node.kill();
            }
            if (simulation.random.nextInt(3) > 0) {
                node.restart();
            }
        }
    }
}
