// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Decisions of the ranks of one instance, about one request. */
final class LoadDecisionTest {

    private static final LoadDecision FAILED = LoadDecision.failed(KvError.PEER_LOST, "gone");
    private static final LoadDecision AGAIN = LoadDecision.askAgain();
    private static final LoadDecision FIVE = LoadDecision.load(5, false);
    private static final LoadDecision THREE_ASYNC = LoadDecision.load(3, true);
    private static final LoadDecision NOTHING = LoadDecision.NOTHING;

    @Test
    void shouldDoWhatEveryRankCanDo() {
        for (LoadDecision any : List.of(FAILED, AGAIN, FIVE, THREE_ASYNC, NOTHING)) {
            assertThat(FAILED.and(any)).isEqualTo(FAILED);
            assertThat(any.and(FAILED)).isEqualTo(FAILED);
            assertThat(any.and(any)).isEqualTo(any);
        }
        for (LoadDecision known : List.of(FIVE, THREE_ASYNC, NOTHING)) {
            assertThat(AGAIN.and(known)).isEqualTo(AGAIN);
            assertThat(known.and(AGAIN)).isEqualTo(AGAIN);
            assertThat(NOTHING.and(known)).isEqualTo(NOTHING);
            assertThat(known.and(NOTHING)).isEqualTo(NOTHING);
        }
        assertThat(FIVE.and(THREE_ASYNC)).isEqualTo(THREE_ASYNC);
        assertThat(THREE_ASYNC.and(FIVE)).isEqualTo(THREE_ASYNC);
    }

    @Test
    void shouldTellTheFirstFailure() {
        assertThat(FAILED.and(LoadDecision.failed(KvError.DEADLINE, "late"))).isEqualTo(FAILED);
    }
}
