// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class HostBudgetTest {

    @Test
    void shouldPlanNoMoreThanThereIs() {
        HostBudget budget = new HostBudget(70);
        assertThat(budget.take("kv_buffer_size", 50)).isEqualTo(50);
        assertThat(budget.take("mem_pool_size_gb", 50)).isEqualTo(20);
        assertThat(budget.take("mem_pool_size_gb", 50)).isZero();
        assertThat(new HostBudget(Long.MAX_VALUE).take("kv_buffer_size", Long.MAX_VALUE))
                .isEqualTo(Long.MAX_VALUE);
    }

    /** A JVM has some memory for the process, and no more than its machine. */
    @Test
    void shouldKnowWhatThisProcessMayHave() {
        long planned = HostBudget.ofProcess().take("kv_buffer_size", Long.MAX_VALUE);
        assertThat(planned).isPositive().isLessThan(1L << 44);
    }

    /** Buffers of a connector that was closed are garbage for a while. */
    @Test
    void shouldPlanAsMuchAgainAfterOthersHadIt() {
        long before = HostBudget.ofProcess().take("kv_buffer_size", Long.MAX_VALUE);
        ByteBuffer used = ByteBuffer.allocateDirect(1 << 20);
        assertThat(HostBudget.ofProcess().take("kv_buffer_size", Long.MAX_VALUE)).isEqualTo(before);
        assertThat(used.capacity()).isEqualTo(1 << 20);
    }
}
