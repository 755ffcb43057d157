// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.SendType;
import io.kvlink.spi.KvRole;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A process is killed in the middle of a transfer. The other side's transfers fail within their
 * deadline, what they held is back, and a new process at the old address is as good as the first,
 * though the survivor wasn't restarted.
 */
abstract class KillCases extends NodeCases {

    private static final int BLOCKS = 128;
    private static final int TOKENS = 500;
    private static final int HALF_OF_THE_LAYERS = 4;
    // The other layers are 57 MB: more than a pair of sockets holds, which may be 38 MB.
    private static final int MANY_TOKENS = 2000;
    private static final int FEW_LAYERS = 1;

    KillCases(String plane, int gpus, Duration timeout) {
        super(plane, gpus, timeout);
    }

    @ParameterizedTest
    @EnumSource(SendType.class)
    void aKilledProducerFailsItsTransfersOnly(SendType mode) throws IOException {
        NodeProcess consumer = opened(KvRole.CONSUMER, mode, 0);
        NodeProcess producer = opened(KvRole.PRODUCER, mode, 0);
        transfer(producer, consumer, TOKENS);

        String id = holdInTheMiddle(producer, consumer, mode, TOKENS, HALF_OF_THE_LAYERS);
        producer.kill();
        assertThat(end(consumer, id)).startsWith("FAILED ");
        awaitIdle(consumer);

        NodeProcess again = opened(KvRole.PRODUCER, mode, producer.address().port());
        transfer(again, consumer, TOKENS);
        awaitIdle(consumer);
        assertThat(consumer.alive()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(SendType.class)
    void aKilledConsumerFailsItsTransfersOnly(SendType mode) throws IOException {
        NodeProcess consumer = opened(KvRole.CONSUMER, mode, 0);
        NodeProcess producer = opened(KvRole.PRODUCER, mode, 0);
        transfer(producer, consumer, TOKENS);

        String id = holdInTheMiddle(producer, consumer, mode, TOKENS, HALF_OF_THE_LAYERS);
        consumer.kill();
        producer.send("go");
        assertThat(end(producer, id)).startsWith("FAILED ");
        awaitIdle(producer);

        NodeProcess again = opened(KvRole.CONSUMER, mode, consumer.address().port());
        transfer(producer, again, TOKENS);
        awaitIdle(producer);
        assertThat(producer.alive()).isTrue();
    }

    @Test
    void aProducerKilledWhileItsBytesMoveFailsItsTransfersOnly() throws IOException {
        SendType mode = SendType.PUT_ASYNC;
        NodeProcess consumer = opened(KvRole.CONSUMER, mode, 0);
        NodeProcess producer = opened(KvRole.PRODUCER, mode, 0);
        String id = holdInTheMiddle(producer, consumer, mode, MANY_TOKENS, FEW_LAYERS);
        letBytesMove(producer, consumer);
        producer.kill();
        consumer.resume();
        assertThat(end(consumer, id)).startsWith("FAILED ");
        awaitIdle(consumer);
        NodeProcess again = opened(KvRole.PRODUCER, mode, producer.address().port());
        transfer(again, consumer, TOKENS);
    }

    @Test
    void aConsumerKilledWhileItsBytesMoveFailsItsTransfersOnly() throws IOException {
        SendType mode = SendType.PUT_ASYNC;
        NodeProcess consumer = opened(KvRole.CONSUMER, mode, 0);
        NodeProcess producer = opened(KvRole.PRODUCER, mode, 0);
        String id = holdInTheMiddle(producer, consumer, mode, MANY_TOKENS, FEW_LAYERS);
        letBytesMove(producer, consumer);
        consumer.kill();
        assertThat(end(producer, id)).startsWith("FAILED ");
        awaitIdle(producer);
        NodeProcess again = opened(KvRole.CONSUMER, mode, consumer.address().port());
        transfer(producer, again, TOKENS);
    }

    // The other layers leave, but not all of it can arrive: on a GPU it is enqueued
    // behind a kernel that spins for two seconds; over TCP it is more than sockets take, and the
    // consumer is stopped.
    private void letBytesMove(NodeProcess producer, NodeProcess consumer) {
        if (onGpus()) {
            producer.send("go slow");
        } else {
            consumer.stop();
            producer.send("go");
        }
        assertThat(producer.state().ledger().transfers()).isEqualTo(1);
    }

    private NodeProcess opened(KvRole role, SendType mode, int port) throws IOException {
        return start().open(role, setup(role, mode, BLOCKS), port);
    }

    // So many layers are saved, and the others come only if the producer is told to go on.
    private String holdInTheMiddle(
            NodeProcess producer, NodeProcess consumer, SendType mode, int tokens, int layers) {
        producer.send("hold " + layers);
        String id = hop(producer, consumer, tokens);
        producer.await("HOLDING", Duration.ofSeconds(30));
        if (mode != SendType.GET) {
            awaitState(consumer, "a granted transfer", state -> state.ledger().leases() > 0);
        }
        return id;
    }
}
