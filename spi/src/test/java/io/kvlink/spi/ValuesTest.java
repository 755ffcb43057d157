// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The small values of the contract: what they refuse, and that they don't change. */
final class ValuesTest {

    private static final KvRequest LOCAL = new KvRequest("r", Optional.empty(), new int[] {1, 2});

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
                .isThrownBy(() -> new KvRequest("r", Optional.empty(), new int[0]))
                .withMessage("id=r promptTokens=0");
    }

    @Test
    void shouldRefuseTasksWithoutRouteOrTokens() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new StepMetadata.Task(LOCAL, BlockTable.of(0), 0, 1))
                .withMessageStartingWith("from=0 to=1 KvRequest[id=r");
    }

    @Test
    void shouldCopyLists() {
        List<StepPlan.Entry> entries = new ArrayList<>();
        StepPlan plan = new StepPlan(entries);
        entries.add(new StepPlan.Entry(LOCAL, BlockTable.of(0), 0, 1));
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
        assertError(
                        KvError.BAD_CONFIG,
                        () -> new HostPoolConfig(1, MemoryKind.PINNED, Optional.empty()))
                .hasMessageContaining("maxBytes=1 kind=PINNED pageLocker=false");
        assertError(
                KvError.BAD_CONFIG,
                () -> new HostPoolConfig(1, MemoryKind.DEVICE, Optional.empty()));
        assertError(
                KvError.BAD_CONFIG,
                () -> new HostPoolConfig(-1, MemoryKind.HEAP, Optional.empty()));
    }

    @Test
    void shouldCallALedgerIdleWhateverItsPeers() {
        assertThat(new KvLedger(0, 0, 0, 0, 3).idle()).isTrue();
        assertThat(new KvLedger(1, 0, 0, 0, 0).idle()).isFalse();
        assertThat(new KvLedger(0, 1, 0, 0, 0).idle()).isFalse();
        assertThat(new KvLedger(0, 0, 1, 0, 0).idle()).isFalse();
        assertThat(new KvLedger(0, 0, 0, 1, 0).idle()).isFalse();
    }
}
