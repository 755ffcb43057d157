// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A transfer is asked for again, at the worst moment: whoever waits hears, and the first loads. */
class SecondRequestTest {

    private static final int TOKENS = 5;
    private static final long ROOM = 1 << 12;
    private static final long ONE = Simulation.LAYERS * Simulation.LAYOUT.layerBytes(TOKENS + 1);

    @ParameterizedTest(name = "get {0} standing {1} attachment {2}")
    @CsvSource({
        "false, false, false",
        "false, true, false",
        "true, false, false",
        "true, true, false",
        "false, true, true",
        "true, false, true"
    })
    void shouldBeRefusedWhileTheDeviceStillReportsTheLastLayer(
            boolean get, boolean standing, boolean attachment) {
        Scene scene = new Scene(get, standing, attachment);
        scene.simulation.meanwhile = scene::engineRuns;
        scene.saveAll();
        scene.finish();
        assertThat(scene.transfer.arrived).isTrue();
        assertThat(scene.prefill.sent)
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.failure()).isEmpty());
    }

    @ParameterizedTest(name = "get {0}")
    @ValueSource(booleans = {false, true})
    void shouldBeAnsweredWheneverItComes(boolean get) {
        for (long seed = 0; seed < 200; seed++) {
            Simulation simulation = new Simulation(seed, get);
            simulation.nodes(2, 2, ROOM, ROOM);
            simulation.transfers(6, 12);
            simulation.run(15_000, () -> {});
            assertThat(simulation.transfers)
                    .as("seed=%d", seed)
                    .allMatch(Simulation.Transfer::over);
            assertThat(simulation.notArrived()).as("seed=%d", seed).isEmpty();
            assertThat(simulation.prefills)
                    .as("seed=%d", seed)
                    .flatExtracting(node -> node.sent)
                    .allMatch(outcome -> outcome.failure().isEmpty());
            simulation.settle(200);
            assertThat(simulation.held()).as("seed=%d", seed).isEmpty();
        }
    }

    private static final class Scene extends LoneTransfer {

        // Layers travel while the consumer loads: the simulation's even seeds.
        Scene(boolean get, boolean standing, boolean attachment) {
            super(
                    new Simulation(2, get, 0),
                    new Memory(ROOM, standing ? ROOM : ONE),
                    TOKENS,
                    attachment,
                    attachment);
            transfer.stepDecode();
            simulation.settle(200);
        }

        /** The consumer's engine does all it can. */
        void engineRuns(Simulation.Node node) {
            boolean worked = node == decode;
            while (worked) {
                worked = transfer.stepDecode();
            }
        }

        void saveAll() {
            save(2 + transfer.chunks.count() * Simulation.LAYERS);
        }
    }
}
