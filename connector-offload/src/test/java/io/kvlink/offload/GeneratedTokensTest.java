// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.tck.LeakExtension;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** KV of answers is kept like that of prompts; what is preempted is found again. */
@ExtendWith(LeakExtension.class)
final class GeneratedTokensTest {

    private static final int[] TEXT = IntStream.range(500, 600).toArray();
    private static final BlockTable FIRST = BlockTable.range(0, 6);
    private static final BlockTable SECOND = BlockTable.range(10, 6);

    private static KvRequest request(String id, int tokens) {
        return KvRequest.builder(id, Arrays.copyOf(TEXT, tokens)).build();
    }

    private static int[] text(int from, int to) {
        return Arrays.copyOfRange(TEXT, from, to);
    }

    @Test
    void shouldKeepAnswersBlockByBlock() {
        try (Halves halves = new Halves(16)) {
            KvRequest first = request("first", 20);
            assertThat(halves.admit(first, FIRST)).isZero();
            assertThat(halves.step(first, FIRST, 0, text(0, 20)).sent()).hasSize(1);
            for (int position = 20; position < 70; position++) {
                halves.connector.scheduler().onTokensGenerated(first, text(position, position + 1));
                assertThat(halves.step(first, FIRST, position, TEXT[position]).sent()).isEmpty();
            }
            finish(halves, first);
            KvRequest second = request("second", 80);
            assertThat(halves.admit(second, SECOND)).isEqualTo(64);
            halves.step(second, SECOND, 64, text(64, 80));
            assertThat(halves.holds(SECOND, text(0, 80))).isTrue();
            finish(halves, second);
        }
    }

    /** An engine with steps in flight computes a token before it knows the next. */
    @Test
    void shouldSaveABlockWhenItsLastTokenIsKnown() {
        try (Halves halves = new Halves(16)) {
            KvScheduler scheduler = halves.connector.scheduler();
            KvRequest first = request("first", 30);
            halves.admit(first, FIRST);
            halves.step(first, FIRST, 0, text(0, 30));
            halves.step(first, FIRST, 30, text(30, 31));
            halves.step(first, FIRST, 31, text(31, 32));
            assertThat(kept(halves)).as("two tokens are unknown").isEqualTo(1);
            scheduler.onTokensGenerated(first, text(30, 31));
            halves.step(first, FIRST, 32, text(32, 33));
            assertThat(kept(halves)).as("one token is unknown").isEqualTo(1);
            scheduler.onTokensGenerated(first, text(31, 34));
            halves.step(first, FIRST, 33, text(33, 34));
            assertThat(kept(halves)).isEqualTo(2);
            finish(halves, first);
            KvRequest other = request("other", 33);
            other.promptTokens()[31]++;
            assertThat(halves.admit(other, SECOND)).as("of another answer").isEqualTo(16);
            finish(halves, other);
        }
    }

    @Test
    void shouldKeepAnswersToShortPrompts() {
        try (Halves halves = new Halves(16)) {
            KvRequest first = request("first", 3);
            halves.admit(first, FIRST);
            halves.step(first, FIRST, 0, text(0, 3));
            halves.connector.scheduler().onTokensGenerated(first, text(3, 20));
            halves.step(first, FIRST, 3, text(3, 20));
            finish(halves, first);
            KvRequest second = request("second", 18);
            assertThat(halves.admit(second, SECOND)).isEqualTo(16);
            halves.step(second, SECOND, 16, text(16, 18));
            assertThat(halves.holds(SECOND, text(0, 18))).isTrue();
            finish(halves, second);
        }
    }

    @Test
    void shouldFindWhatWasPreempted() {
        try (Halves halves = new Halves(16)) {
            KvRequest first = request("first", 60);
            halves.admit(first, FIRST);
            halves.step(first, FIRST, 0, text(0, 40));
            assertThat(halves.connector.scheduler().onRequestPreempted(first))
                    .isEqualTo(BlockOwnership.FREE_NOW);
            KvRequest again = request("again", 60);
            assertThat(halves.admit(again, SECOND)).isEqualTo(32);
            assertThat(halves.connector.scheduler().onRequestPreempted(again))
                    .as("before its load began")
                    .isEqualTo(BlockOwnership.FREE_NOW);
            assertThat(halves.connector.ledger().idle()).isTrue();
            KvRequest third = request("third", 60);
            assertThat(halves.admit(third, SECOND)).isEqualTo(32);
            halves.step(third, SECOND, 32, text(32, 60));
            assertThat(halves.holds(SECOND, text(0, 60))).isTrue();
            finish(halves, third);
        }
    }

    /** The tail of a prompt that is too long doesn't push its own head out. */
    @Test
    void shouldKeepTheHeadOfAPromptInChunks() {
        try (Halves halves = new Halves(4)) {
            KvRequest first = request("first", 96);
            halves.admit(first, FIRST);
            for (int from = 0; from < 96; from += 24) {
                halves.step(first, FIRST, from, text(from, from + 24));
            }
            finish(halves, first);
            KvRequest second = request("second", 96);
            assertThat(halves.admit(second, SECOND)).isEqualTo(64);
            finish(halves, second);
        }
    }

    private static void finish(Halves halves, KvRequest request) {
        assertThat(halves.connector.scheduler().onRequestFinished(request))
                .isEqualTo(BlockOwnership.FREE_NOW);
        assertThat(halves.connector.ledger().idle()).isTrue();
    }

    private static int kept(Halves halves) {
        return halves.connector.metrics().stream()
                .filter(metric -> metric.name().equals("offload_saved_blocks_total"))
                .mapToInt(metric -> (int) metric.value())
                .sum();
    }
}
