// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A request finds that another has called the peer before it. It gets its own time to be answered,
 * and no more than twice that.
 */
class LateCallerTest {

    private static final long HANDSHAKE_MS = Simulation.LIMITS.handshakeTimeoutNs() / 1_000_000;
    private static final long LATE_MS = HANDSHAKE_MS * 3 / 4;

    @ParameterizedTest(name = "get {0}")
    @ValueSource(booleans = {false, true})
    void shouldLoadFromAProducerThatComesAfterTheFirstCallWasGivenUp(boolean get) {
        Scene scene = new Scene(get);
        scene.called(scene.simulation.prefills.get(0));
        assertThat(scene.first.failure).contains("no answer to HELLO");
        assertThat(scene.second.failure).isEmpty();

        scene.simulation.prefills.get(0).restart();
        scene.simulation.settle(2 * HANDSHAKE_MS);
        assertThat(scene.second.arrived).as(scene.second.failure).isTrue();
    }

    @Test
    void shouldSendToAConsumerThatComesAfterTheFirstCallWasGivenUp() {
        Scene scene = new Scene(false);
        scene.called(scene.simulation.decodes.get(0));
        assertThat(scene.first.sendOver).isTrue();
        assertThat(scene.second.sendOver).isFalse();

        scene.simulation.decodes.get(0).restart();
        scene.simulation.settle(2 * HANDSHAKE_MS);
        assertThat(scene.second.arrived).as(scene.second.failure).isTrue();
    }

    @ParameterizedTest(name = "get {0}")
    @ValueSource(booleans = {false, true})
    void shouldFailInTwiceTheTimeIfNobodyComes(boolean get) {
        Scene scene = new Scene(get);
        scene.called(scene.simulation.prefills.get(0));
        scene.simulation.settle(HANDSHAKE_MS);
        assertThat(scene.second.failure).contains("no answer to HELLO");
        assertThat(scene.simulation.held()).isEmpty();
    }

    private static final class Scene {

        private final Simulation simulation;
        private final Simulation.Transfer first;
        private final Simulation.Transfer second;

        Scene(boolean get) {
            simulation = new Simulation(2, get, 0);
            simulation.nodes(1, 1, 1 << 12, 1 << 12);
            first = transfer(0);
            second = transfer(1);
        }

        private Simulation.Transfer transfer(int number) {
            return simulation
            .new Transfer(
                    simulation.prefills.get(0), simulation.decodes.get(0), 5, number, false, false);
        }

        /** Both transfers want to reach a node that isn't there; the first one's time is over. */
        void called(Simulation.Node gone) {
            gone.kill();
            simulation.transfers.add(first);
            simulation.settle(LATE_MS);
            simulation.transfers.add(second);
            simulation.settle(HANDSHAKE_MS - LATE_MS / 2);
        }
    }
}
