// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.transfer.Chunks;
import org.junit.jupiter.api.Test;

/** Time of a delivery whose layers have a window. */
class DeliveryTest {

    private final ReceiveFixtures fixtures = new ReceiveFixtures();

    @Test
    void shouldHaveTimeForTheChunksThatItsWindowDoesNotNeed() {
        Ticket whole = fixtures.ticket;
        Chunks last = Chunks.of(8, 2, false).behind(6);
        Ticket windowed =
                new Ticket(
                        whole.number(),
                        whole.session(),
                        whole.leases(),
                        last,
                        whole.bytes(),
                        whole.arrivesSoon(),
                        whole.startedNs());
        ReceiveEvent.Moment at = new ReceiveEvent.Moment(100, 130, 500);
        Claim nobody = new Claim.Nobody();
        assertThat(Delivery.begin(fixtures.subject, whole, nobody, at, 200).deadlineNs())
                .isEqualTo(200);
        Delivery delivery = Delivery.begin(fixtures.subject, windowed, nobody, at, 200);
        assertThat(delivery.deadlineNs()).isEqualTo(200 + 3 * 30);
        ReceiveEvent.Asked asked = new ReceiveEvent.Asked(at, fixtures.first);
        assertThat(delivery.claimed(asked).deadlineNs()).isEqualTo(130 + 3 * 30);
    }
}
