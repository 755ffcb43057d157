// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.arrival.Expectation;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The prompt's last token and what goes with it, pushed and fetched, under a standing grant and
 * under one for an offer.
 */
class AttachmentTest {

    private static final int TOKENS = 10;
    private static final int LAYERS = Simulation.LAYERS;

    /** Arguments that each test is run with. */
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    @Retention(RetentionPolicy.RUNTIME)
    @interface EachWay {}

    @ParameterizedTest
    @EachWay
    void shouldArriveWithTheWholePrompt(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveAll();
        assertThat(scene.settled()).as("the attachment is missing").isFalse();
        assertThat(scene.transfer.outbound.ended()).as("DONE without it").isFalse();
        scene.attach();
        assertThat(scene.transfer.outbound.ended()).isTrue();
        scene.finishWith(TOKENS + 1);
    }

    @ParameterizedTest
    @EachWay
    void shouldDoWithoutWhereTheProducerHasNone(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, false, true);
        scene.saveAll();
        scene.finishWith(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldNotWaitForWhatTheConsumerDoesNotWant(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, false);
        scene.saveBody();
        assertThat(scene.transfer.outbound.ended()).as("the rest isn't wanted").isTrue();
        scene.finishWith(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldDoWithoutWhereTheProducerFailsToAttach(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveAll();
        scene.prefill.control.attach(scene.transfer.outbound, Optional.empty());
        scene.transfer.attached = true;
        scene.simulation.settle(200);
        scene.finishWith(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldDoWithoutWhereTheProducerEndsBeforeTheLastToken(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveBody();
        scene.prefill.control.abort(scene.transfer.outbound);
        scene.transfer.saved = scene.transfer.chunks.count() * LAYERS;
        scene.transfer.attached = true;
        scene.simulation.settle(200);
        scene.finishWith(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldFailWhereTheProducerEndsWithinTheLastToken(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveBody();
        scene.transfer.stepPrefill();
        scene.prefill.control.abort(scene.transfer.outbound);
        scene.simulation.settle(200);
        scene.finish();
        assertThat(scene.transfer.failure).startsWith("CANCELLED");
    }

    @ParameterizedTest
    @EachWay
    void shouldUseWhatIsHereWhereTheProducerDies(boolean get, boolean standing) {
        usesWhatIsHere(
                get,
                standing,
                scene -> {
                    scene.prefill.kill();
                    scene.transfer.onKilled(scene.prefill);
                });
    }

    @ParameterizedTest
    @EachWay
    void shouldUseWhatIsHereWhereTheProducerFails(boolean get, boolean standing) {
        usesWhatIsHere(
                get, standing, scene -> assertThat(scene.prefill.control.beginClose()).isNotDone());
    }

    @ParameterizedTest
    @EachWay
    void shouldUseWhatIsHereAtItsDeadline(boolean get, boolean standing) {
        usesWhatIsHere(get, standing, scene -> scene.simulation.settle(6_000));
    }

    private static void usesWhatIsHere(boolean get, boolean standing, Consumer<Scene> whatHappens) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveAll();
        assertThat(scene.settled()).isFalse();
        whatHappens.accept(scene);
        scene.transfer.attached = true;
        scene.simulation.settle(5_000);
        scene.finishWith(TOKENS);
    }

    @Test
    void shouldForgetWhatAProducerAttachedThatSentNothingAndIsGone() {
        Scene scene = new Scene(false, true, true, true);
        scene.attachBeforeTheBytes();
        scene.restartPrefill();
        scene.transfer.attachesContent = false;
        scene.saveAll();
        scene.attach();
        scene.finishWith(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldFreeAllWhereTheConsumerLeavesMeanwhile(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveAll();
        scene.decode.control.release(scene.transfer.expectation);
        scene.transfer.receiveOver = true;
        scene.simulation.settle(200);
        assertThat(scene.transfer.outbound.ended()).isTrue();
        scene.finish();
    }

    private static final class Scene extends LoneTransfer {

        private static final long ONE = LAYERS * Simulation.LAYOUT.layerBytes(TOKENS + 1);

        Scene(boolean get, boolean standing, boolean attaches, boolean wantsAttachment) {
            super(
                    new Simulation(1, get, 4),
                    new Memory(2 * ONE, standing ? 2 * ONE : ONE),
                    TOKENS,
                    attaches,
                    wantsAttachment);
            transfer.attachesContent = true;
            transfer.stepDecode();
            simulation.settle(200);
            assertThat(decode.memory.leases()).isEqualTo(standing ? 1 : 0);
            save(1);
        }

        void saveBody() {
            save(transfer.chunks.body() * LAYERS);
        }

        void saveAll() {
            save(transfer.chunks.count() * LAYERS);
        }

        void attach() {
            save(1);
        }

        /** All that the producer has to say is here, and no byte of its KV. */
        void attachBeforeTheBytes() {
            for (int piece = 0; piece < transfer.chunks.count() * LAYERS; piece++) {
                transfer.stepPrefill();
            }
            transfer.stepPrefill();
            for (int i = 0; i < 5; i++) {
                simulation.stepNode(prefill);
                boolean more = true;
                while (more) {
                    more = simulation.network.deliverOne(simulation.random);
                }
                simulation.stepNode(decode);
            }
            assertThat(transfer.attached).isTrue();
        }

        /** The producer is gone; its next start is asked for the same prompt, and begins it. */
        void restartPrefill() {
            prefill.kill();
            prefill.restart();
            transfer.sendOver = false;
            transfer.outbound = null;
            transfer.saved = 0;
            transfer.attached = false;
            simulation.settle(5_000);
            assertThat(settled()).isFalse();
            save(1);
        }

        boolean settled() {
            return !(Waits.status(transfer.expectation) instanceof Expectation.Waiting);
        }

        void finishWith(int tokens) {
            finish();
            assertThat(transfer.arrivedTokens).isEqualTo(tokens);
        }
    }
}
