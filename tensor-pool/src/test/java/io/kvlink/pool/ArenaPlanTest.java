// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class ArenaPlanTest {

    private static final long MIB = 1 << 20;

    private static List<Integer> all(ArenaPlan plan) {
        List<Integer> sizes = new ArrayList<>();
        for (int bytes = plan.take(1); bytes != ArenaPlan.NONE; bytes = plan.take(1)) {
            sizes.add(bytes);
        }
        return sizes;
    }

    private static List<Integer> mib(int... sizes) {
        List<Integer> bytes = new ArrayList<>();
        for (int size : sizes) {
            bytes.add((int) (size * MIB));
        }
        return bytes;
    }

    @Property
    void theArenasAreTheLimit(@ForAll @LongRange(min = 0, max = 1L << 42) long maxBytes) {
        List<Integer> sizes = all(new ArenaPlan(maxBytes));
        assertThat(sizes.stream().mapToLong(Integer::longValue).sum())
                .isEqualTo(maxBytes - maxBytes % 512);
        assertThat(sizes)
                .isSorted()
                .allMatch(bytes -> Integer.bitCount(bytes) == 1 && bytes >= 512);
    }

    @Property
    void theLargestLeaseIsTheLargestArena(
            @ForAll @LongRange(min = 512, max = 1L << 36) long maxBytes) {
        long largest = new ArenaPlan(maxBytes).largestBytes();
        assertThat(largest).isGreaterThanOrEqualTo(Math.min(maxBytes / 4, 1024 * MIB));
        if (maxBytes >= 2048 * MIB) {
            assertThat(largest).isEqualTo(1024 * MIB);
        }
        ArenaPlan plan = new ArenaPlan(maxBytes);
        assertThat(plan.take(largest + 1)).isEqualTo(ArenaPlan.NONE);
        assertThat(plan.take(largest)).isEqualTo((int) largest);
        assertThat(all(new ArenaPlan(maxBytes))).endsWith((int) largest);
    }

    @Test
    void shouldStartSmall() {
        assertThat(all(new ArenaPlan(3 * MIB))).isEqualTo(mib(1, 2));
        assertThat(all(new ArenaPlan(128 * MIB))).isEqualTo(mib(64, 64));
        assertThat(all(new ArenaPlan(1024 * MIB))).isEqualTo(mib(64, 64, 128, 256, 512));
        assertThat(all(new ArenaPlan(1536 * MIB))).isEqualTo(mib(64, 64, 128, 256, 1024));
        List<Integer> large = all(new ArenaPlan(20 * 1024 * MIB));
        assertThat(large.subList(0, 5)).isEqualTo(mib(64, 64, 128, 256, 512));
        assertThat(large.subList(5, large.size())).hasSize(19).containsOnly((int) (1024 * MIB));
    }

    @Test
    void shouldTakeTheSmallestArenaThatIsLargeEnough() {
        ArenaPlan plan = new ArenaPlan(1024 * MIB);
        assertThat(plan.take(65 * MIB)).isEqualTo((int) (128 * MIB));
        assertThat(plan.take(65 * MIB)).isEqualTo((int) (256 * MIB));
        assertThat(plan.take(1)).isEqualTo((int) (64 * MIB));
    }

    @Test
    void shouldHoldNothingUnderTheSmallestBlock() {
        for (long maxBytes : new long[] {0, 1, 511}) {
            ArenaPlan plan = new ArenaPlan(maxBytes);
            assertThat(plan.largestBytes()).isZero();
            assertThat(plan.take(1)).isEqualTo(ArenaPlan.NONE);
        }
    }

    @Test
    void shouldPlanAnyLimit() {
        assertThat(new ArenaPlan(Long.MAX_VALUE).largestBytes()).isEqualTo(1024 * MIB);
    }

    @Test
    void shouldForgetWhatTheSystemCannotGive() {
        ArenaPlan plan = new ArenaPlan(100 * MIB);
        plan.giveUpFrom((int) (32 * MIB));
        assertThat(all(plan)).isEqualTo(mib(4));
    }

    @Test
    void shouldNotCountWhatTheSystemCannotGive() {
        ArenaPlan plan = new ArenaPlan(1024 * MIB);
        assertThat(plan.take(64 * MIB)).isEqualTo((int) (64 * MIB));
        int failed = plan.take(128 * MIB);
        plan.giveUpFrom(failed);
        assertThat(plan.largestBytes()).isEqualTo(64 * MIB);
        assertThat(plan.capacity(65 * MIB)).isZero();
        assertThat(plan.capacity(64 * MIB)).as("one taken, one to be opened").isEqualTo(2);
        assertThat(plan.take(65 * MIB)).isEqualTo(ArenaPlan.NONE);
        plan.giveUpFrom(plan.take(1));
        assertThat(plan.capacity(MIB)).as("the open one").isEqualTo(64);
    }

    /**
     * The capacity is the sum of opened arenas and of those that can still be opened, whichever
     * fail.
     */
    @Property
    void theCapacityIsWhatIsThere(
            @ForAll @LongRange(min = 512, max = 1L << 32) long maxBytes,
            @ForAll List<@LongRange(min = 1, max = 1L << 30) Long> asked) {
        ArenaPlan plan = new ArenaPlan(maxBytes);
        List<Integer> opened = new ArrayList<>();
        for (long bytes : asked) {
            int taken = plan.take(bytes);
            if (taken != ArenaPlan.NONE && bytes % 3 == 0) {
                plan.giveUpFrom(taken);
            } else if (taken != ArenaPlan.NONE) {
                opened.add(taken);
            }
        }
        long smallest = plan.capacity(512);
        long largest = plan.largestBytes();
        opened.addAll(all(plan));
        assertThat(smallest).isEqualTo(opened.stream().mapToLong(bytes -> bytes / 512).sum());
        assertThat(largest).isEqualTo(opened.stream().mapToLong(bytes -> bytes).max().orElse(0));
    }
}
