// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvError;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A prompt of three chunks, and what may happen between them; the limit is 10 s. */
class ChunkedTransferTest {

    private static final int CHUNK = 4;
    private static final int TOKENS = 10;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldMoveAChunkWhileTheNextIsComputed(boolean get) {
        Scene scene = new Scene(get);
        for (int chunk = 1; chunk <= 3; chunk++) {
            scene.saveChunk();
            assertThat(scene.sent(chunk * Simulation.LAYERS)).as("chunk=%d", chunk).isTrue();
            boolean more = scene.sent(chunk * Simulation.LAYERS + 1);
            assertThat(more).as("chunk=%d", chunk).isEqualTo(scene.transfer.outbound.ended());
        }
        scene.finish();
        assertThat(scene.transfer.arrived).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldGiveEachChunkItsTime(boolean get) {
        Scene scene = new Scene(get);
        for (int chunk = 0; chunk < 3; chunk++) {
            scene.simulation.settle(9_000);
            scene.saveChunk();
        }
        scene.finish();
        assertThat(scene.transfer.failure).isEmpty();
        assertThat(scene.transfer.arrived).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldFailWhereTheNextChunkNeverComes(boolean get) {
        Scene scene = new Scene(get);
        scene.saveChunk();
        scene.simulation.settle(10_500);
        scene.finish();
        assertThat(scene.transfer.failure).startsWith("DEADLINE");
        assertThat(scene.transfer.outbound.ended()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldEndWhereTheConsumerLeavesBetweenChunks(boolean get) {
        Scene scene = new Scene(get);
        scene.saveChunk();
        scene.decode.control.release(scene.transfer.expectation);
        scene.transfer.receiveOver = true;
        scene.simulation.settle(200);
        assertThat(scene.transfer.outbound.ended()).isTrue();
        scene.saveChunk();
        scene.finish();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldEndWhereTheProducerGivesUpBetweenChunks(boolean get) {
        Scene scene = new Scene(get);
        scene.saveChunk();
        scene.prefill.control.abort(scene.transfer.outbound);
        scene.simulation.settle(200);
        scene.finish();
        assertThat(scene.transfer.failure).startsWith(KvError.CANCELLED.name());
        assertThat(scene.transfer.outbound.ended()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldFailWhereTheProducerRestartsBetweenChunks(boolean get) {
        Scene scene = new Scene(get);
        scene.saveChunk();
        scene.prefill.kill();
        scene.transfer.onKilled(scene.prefill);
        scene.prefill.restart();
        scene.simulation.settle(4_000);
        scene.finish();
        assertThat(scene.transfer.arrived).isFalse();
        assertThat(scene.transfer.failure).startsWith("PEER_");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldFreeTheProducerWhoseConsumerDiesBetweenChunks(boolean get) {
        Scene scene = new Scene(get);
        scene.saveChunk();
        scene.decode.kill();
        scene.transfer.onKilled(scene.decode);
        scene.simulation.settle(4_000);
        assertThat(scene.transfer.outbound.ended()).isTrue();
        scene.finish();
    }

    private static final class Scene extends LoneTransfer {

        Scene(boolean get) {
            super(
                    new Simulation(1, get, CHUNK),
                    new Memory(1 << 12, 1 << 12),
                    TOKENS,
                    false,
                    false);
            transfer.stepDecode();
            save(1);
        }

        void saveChunk() {
            save(Simulation.LAYERS);
        }

        boolean sent(int pieces) {
            return transfer.outbound.awaitSent(pieces, System.nanoTime());
        }
    }
}
