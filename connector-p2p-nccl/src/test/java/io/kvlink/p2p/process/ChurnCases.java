// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.SendType;
import io.kvlink.spi.KvRole;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Peers come, exchange KV and go, again and again. After a few rounds of warm-up an instance that
 * stays holds no more of anything than before.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES) // NCCL takes a second a round.
abstract class ChurnCases extends NodeCases {

    private static final int WARM_UP = 3;
    private static final int BLOCKS = 32;
    private static final int TOKENS = 500;
    // What the virtual machine itself adds: compiled code, class data, malloc's free lists.
    private static final long RSS_TOLERANCE = 24L << 20;
    // Small buffers that the JDK keeps for each thread.
    private static final long DIRECT_TOLERANCE = 32L << 10;
    private static final long DEVICE_TOLERANCE = 4L << 20;

    private final int rounds;
    private final long keptByLibrary;

    /**
     * Tests of one plane.
     *
     * @param rounds how many rounds after the warm-up
     * @param keptByLibrary host memory that a library under the plane keeps for each round, whoever
     *     uses it
     */
    ChurnCases(String plane, int gpus, Duration timeout, int rounds, long keptByLibrary) {
        super(plane, gpus, timeout);
        this.rounds = rounds;
        this.keptByLibrary = keptByLibrary;
    }

    @Test
    void aConsumerKeepsNothingOfProducersThatCameAndWent() throws IOException {
        churn(KvRole.CONSUMER, KvRole.PRODUCER);
    }

    @Test
    void aProducerKeepsNothingOfConsumersThatCameAndWent() throws IOException {
        churn(KvRole.PRODUCER, KvRole.CONSUMER);
    }

    private void churn(KvRole stays, KvRole comes) throws IOException {
        SendType mode = SendType.PUT_ASYNC;
        NodeProcess survivor = start().open(stays, setup(stays, mode, BLOCKS), 0);
        NodeProcess guest = start();
        for (int i = 0; i < WARM_UP; i++) {
            round(survivor, guest, comes, mode);
        }
        NodeState before = atRest(survivor);
        for (int i = 0; i < rounds; i++) {
            round(survivor, guest, comes, mode);
        }
        NodeState after =
                awaitState(
                        survivor,
                        "as little as " + before,
                        state -> atRest(state) && noMore(state, before));
        System.out.println("churn " + survivor + " before " + before + " after " + after);
    }

    private void round(NodeProcess survivor, NodeProcess guest, KvRole comes, SendType mode) {
        guest.open(comes, setup(comes, mode, BLOCKS), 0);
        if (comes.produces()) {
            transfer(guest, survivor, TOKENS);
        } else {
            transfer(survivor, guest, TOKENS);
        }
        guest.closeConnector();
    }

    private NodeState atRest(NodeProcess node) {
        NodeState state = awaitState(node, "no peer and an idle ledger", ChurnCases::atRest);
        assertThat(state.files()).isPositive();
        return state;
    }

    private static boolean atRest(NodeState state) {
        return state.ledger().idle() && state.ledger().peers() == 0;
    }

    private boolean noMore(NodeState after, NodeState before) {
        return after.deviceFree() >= before.deviceFree() - DEVICE_TOLERANCE
                && after.direct() <= before.direct() + DIRECT_TOLERANCE
                && after.rss() <= before.rss() + RSS_TOLERANCE + rounds * keptByLibrary
                && after.files() <= before.files()
                && after.threads() <= before.threads()
                && after.tasks() <= before.tasks();
    }
}
