// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The small values of the contract: what they refuse, and that they don't change. */
final class ValuesTest {

    private static final KvRequest LOCAL = KvRequest.builder("r", new int[] {1, 2}).build();

    @Test
    void shouldKeepBlockTablesFromChanging() {
        int[] blocks = {3, 1};
        BlockTable table = BlockTable.of(blocks);
        blocks[0] = 9;
        assertThat(table).isEqualTo(BlockTable.of(3, 1)).hasToString("BlockTable[3, 1]");
        assertThat(BlockTable.range(4, 3)).isEqualTo(BlockTable.of(4, 5, 6));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BlockTable.of(0, -1))
                .withMessage("block=-1");
    }

    @Test
    void shouldTransferAllTokensButTheLast() {
        assertThat(LOCAL.transferTokens()).isEqualTo(1);
        assertThat(LOCAL).hasToString("KvRequest[id=r tokens=2 route=Optional.empty]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KvRequest.builder("r", new int[0]).build())
                .withMessage("id=r promptTokens=0");
    }

    @Test
    void shouldRefuseTasksWithoutTokens() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> StepMetadata.task(LOCAL, BlockTable.of(0), 1, 1))
                .withMessageStartingWith("from=1 to=1 KvRequest[id=r");
    }

    @Test
    void shouldCopyLists() {
        List<StepPlan.Entry> entries = new ArrayList<>();
        StepPlan plan = StepPlan.of(entries);
        entries.add(StepPlan.entry(LOCAL, BlockTable.of(0), 0, 1));
        assertThat(plan.entries()).isEmpty();
    }

    @Test
    void shouldGiveAReasonExactlyWhenUnavailable() {
        assertThat(Availability.usable().reason()).isEmpty();
        assertThat(Availability.missing("why").ready()).isFalse();
        assertThatIllegalArgumentException().isThrownBy(() -> new Availability(false, ""));
        assertThatIllegalArgumentException().isThrownBy(() -> new Availability(true, "why"));
    }

    @Test
    void shouldAskForAPageLockerExactlyWhenPinned() {
        assertError(KvError.BAD_CONFIG, () -> HostPoolConfig.of(1, MemoryKind.PINNED))
                .hasMessageContaining("maxBytes=1 kind=PINNED pageLocker=false");
        assertError(KvError.BAD_CONFIG, () -> HostPoolConfig.of(1, MemoryKind.DEVICE));
        assertError(KvError.BAD_CONFIG, () -> HostPoolConfig.of(-1, MemoryKind.HEAP));
    }

    @Test
    void shouldCallALedgerIdleWhateverItsPeers() {
        assertThat(KvLedger.builder().peers(3).build().idle()).isTrue();
        assertThat(KvLedger.builder().bufferBytes(1).build().idle()).isFalse();
        assertThat(KvLedger.builder().poolBytes(1).build().idle()).isFalse();
        assertThat(KvLedger.builder().leases(1).build().idle()).isFalse();
        assertThat(KvLedger.builder().transfers(1).build().idle()).isFalse();
    }
}
