// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.ReceiveBuffer;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class OutboundTransferTest {

    @Test
    void shouldFreeHeldMemoryOnlyWhenBothThreadsHaveLetGo() {
        TransferMemory memory = new TransferMemory(new ReceiveBuffer(64), null);
        LayerLeases leases = memory.tryLease(2, 16, "r");
        TransferRoute route =
                new TransferRoute(
                        new HostPort("p", 1), new HostPort("d", 2), new TransferId(1, 2, 0));
        KvRequest request = new KvRequest("r", Optional.of(route), new int[] {1, 2});
        OutboundTransfer held =
                new OutboundTransfer(request, 2, Chunks.of(1, 0, false), 7, true, leases);
        held.letGo();
        assertThat(memory.bufferBytes()).as("one may still copy into it").isEqualTo(32);
        held.letGo();
        assertThat(memory.bufferBytes()).isZero();
        assertThatThrownBy(held::letGo).hasMessageStartingWith("let go too often");
    }
}
