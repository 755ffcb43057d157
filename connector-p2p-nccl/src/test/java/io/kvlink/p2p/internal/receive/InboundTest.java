// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A request that waits has a deadline, and hears of the end, wherever its transfer stands. */
class InboundTest {

    private static final KvLayout LAYOUT = KvLayout.single("m", 4, 1, 2, DType.I8, 4);
    private static final TransferId ID = new TransferId(1, 2, 0);

    private long nowNs;
    private int wakeups;
    // The end of a transfer that nobody has offered asks neither peers nor devices.
    private final InboundTransfers transfers =
            new InboundTransfers(
                    null,
                    LAYOUT,
                    new TransferStats(),
                    null,
                    new Deliveries(LAYOUT, () -> wakeups++),
                    () -> nowNs);
    private final Inbound inbound = transfers.begin(ID, 4, 7, 10);
    private final Expectation request = request();

    @ParameterizedTest
    @EnumSource(ReceiveState.class)
    void shouldBeDueWhileARequestWaits(ReceiveState state) {
        inbound.state = state;
        inbound.await(request, 20);
        nowNs = 19;
        assertThat(transfers.due()).isEmpty();
        nowNs = 20;
        assertThat(transfers.due()).containsExactly(inbound);
    }

    @ParameterizedTest
    @EnumSource(ReceiveState.class)
    void shouldBeDueWhileNobodyAsksForIt(ReceiveState state) {
        inbound.state = state;
        nowNs = 10;
        assertThat(transfers.due()).containsExactly(inbound);
    }

    @Test
    void shouldBeKeptAsLongAsARequestLikesThatWasToldOfIt() {
        inbound.await(request, 20);
        request.end(new Expectation.Failed(KvError.DEADLINE, ""));
        inbound.state = ReceiveState.FAILED;
        nowNs = 1_000;
        assertThat(transfers.due()).isEmpty();
    }

    @Test
    void shouldTellWhoStillWaitsWhenItEnds() {
        inbound.await(request, 20);
        transfers.end(inbound, KvError.NO_SUCH_TRANSFER);
        assertThat(request.status())
                .isEqualTo(
                        new Expectation.Failed(
                                KvError.NO_SUCH_TRANSFER, "transfer=" + ID + " has ended here"));
        assertThat(wakeups).isEqualTo(1);
    }

    private static Expectation request() {
        TransferRoute route = new TransferRoute(new HostPort("p", 1), new HostPort("d", 2), ID);
        return new Expectation(
                new KvRequest("r", Optional.of(route), new int[] {1, 2, 3, 4, 5}), 7);
    }
}
