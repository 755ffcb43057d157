// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

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

    /** What each test is run with. */
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
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS + 1);
    }

    @ParameterizedTest
    @EachWay
    void shouldDoWithoutWhereTheProducerHasNone(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, false, true);
        scene.saveAll();
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldNotWaitForWhatTheConsumerDoesNotWant(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, false);
        scene.saveBody();
        assertThat(scene.transfer.outbound.ended()).as("the rest isn't wanted").isTrue();
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS);
    }

    @ParameterizedTest
    @EachWay
    void shouldDoWithoutWhereTheProducerFailsToAttach(boolean get, boolean standing) {
        Scene scene = new Scene(get, standing, true, true);
        scene.saveAll();
        scene.prefill.control.attach(scene.transfer.outbound, Optional.empty());
        scene.transfer.attached = true;
        scene.simulation.settle(200);
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS);
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
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS);
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
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS);
    }

    @Test
    void shouldForgetWhatAProducerAttachedThatSentNothingAndIsGone() {
        Scene scene = new Scene(false, true, true, true);
        scene.attachBeforeTheBytes();
        scene.restartPrefill();
        scene.transfer.attachesContent = false;
        scene.saveAll();
        scene.attach();
        scene.finish();
        assertThat(scene.transfer.arrivedTokens).isEqualTo(TOKENS);
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

    /** One producer, one consumer, and a request that only the test moves on. */
    private static final class Scene {
        final Simulation simulation;
        final Simulation.Node prefill;
        final Simulation.Node decode;
        final Simulation.Transfer transfer;

        Scene(boolean get, boolean standing, boolean attaches, boolean wantsAttachment) {
            simulation = new Simulation(1, get, 4);
            long one = LAYERS * Simulation.LAYOUT.layerBytes(TOKENS + 1);
            simulation.nodes(1, 1, 2 * one, standing ? 2 * one : one);
            prefill = simulation.prefills.get(0);
            decode = simulation.decodes.get(0);
            transfer =
                    simulation.new Transfer(prefill, decode, TOKENS, 0, attaches, wantsAttachment);
            transfer.attachesContent = true;
            transfer.stepDecode();
            simulation.settle(200);
            assertThat(decode.memory.leases()).isEqualTo(standing ? 1 : 0);
            transfer.stepPrefill();
            simulation.settle(200);
        }

        void saveBody() {
            save(transfer.chunks.body());
        }

        void saveAll() {
            save(transfer.chunks.count());
        }

        private void save(int chunks) {
            for (int piece = 0; piece < chunks * LAYERS; piece++) {
                transfer.stepPrefill();
            }
            simulation.settle(200);
        }

        void attach() {
            transfer.stepPrefill();
            simulation.settle(200);
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
            transfer.stepPrefill();
            simulation.settle(200);
        }

        boolean settled() {
            return !(transfer.expectation.status() instanceof Expectation.Waiting);
        }

        /** Both engines do what is left to do; nothing may be held after that. */
        void finish() {
            for (int i = 0; i < 8 * LAYERS; i++) {
                transfer.stepDecode();
                transfer.stepPrefill();
                simulation.settle(20);
            }
            simulation.settle(200);
            assertThat(transfer.over()).as("%s", transfer.outbound).isTrue();
            assertThat(simulation.held()).isEmpty();
        }
    }
}
