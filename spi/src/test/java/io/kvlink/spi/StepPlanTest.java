// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.tuple;

import org.junit.jupiter.api.Test;

class StepPlanTest {

    private static final KvRequest REQUEST = KvRequest.builder("r", new int[40]).build();
    private static final BlockTable BLOCKS = BlockTable.range(0, 4);

    @Test
    void shouldKeepAllThatIsComputedUnlessTheEngineSaysLess() {
        StepPlan.Entry entry = StepPlan.entry(REQUEST, BLOCKS, 16, 8);
        assertThat(entry.storableTokens()).isEqualTo(24);
        assertThat(entry.storableTokens(99).storableTokens()).as("no more").isEqualTo(24);
        assertThat(entry.storableTokens(20).storableTokens()).isEqualTo(20);
        assertThat(entry.storableTokens(20).scheduledTokens()).as("stays").isEqualTo(8);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> entry.storableTokens(-1))
                .withMessage("storableTokens=-1");
    }

    @Test
    void shouldTellAStoreNoMoreThanItMayKeep() {
        StepPlan.Entry entry = StepPlan.entry(REQUEST, BLOCKS, 16, 8);
        StepPlan whole = StepPlan.of(entry);
        assertThat(whole.storable()).isSameAs(whole);
        StepPlan cut =
                StepPlan.of(
                        entry,
                        entry.storableTokens(20),
                        entry.storableTokens(16),
                        entry.storableTokens(5),
                        entry.storableTokens(0));
        assertThat(cut.storable().entries())
                .allMatch(one -> one.request().equals(REQUEST) && one.blocks().equals(BLOCKS))
                .extracting(StepPlan.Entry::computedTokens, StepPlan.Entry::scheduledTokens)
                .containsExactly(
                        tuple(16, 8), tuple(16, 4), tuple(16, 0), tuple(5, 0), tuple(0, 0));
    }

    @Test
    void shouldTellLoadsOfAStoreFromThoseOfAPeer() {
        LoadDecision.Load load = LoadDecision.load(16, true);
        assertThat(load.byTokens()).isFalse();
        LoadDecision.Load stored = load.byTokens(true);
        assertThat(stored.byTokens()).isTrue();
        assertThat(stored.tokens()).isEqualTo(16);
        assertThat(stored.async()).isTrue();
        assertThat(stored).isNotEqualTo(load).isEqualTo(load.byTokens(true));
        assertThat(stored.byTokens(false)).isEqualTo(load);
        assertThat(LoadDecision.NOTHING.byTokens(true)).isSameAs(LoadDecision.NOTHING);
    }
}
