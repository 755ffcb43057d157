// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class OfferPolicyTest {

    private static final int LAYERS = 8;
    private static final long LAYER_BYTES = 10;
    private static final long MICROS = 1_000;

    private final Outbound transfer = transfer();
    private final Session shared = session(true);

    @Test
    void shouldOfferEverythingAtOnceWhereNoLaneIsShared() {
        OfferPolicy policy = new OfferPolicy(1, LAYER_BYTES);
        assertThat(policy.groupEnd(transfer, session(false), 0)).isEqualTo(LAYERS);
    }

    @Test
    void shouldWaitForMoreLayersButNotForLong() {
        OfferPolicy policy = new OfferPolicy(1000, LAYER_BYTES);
        assertThat(policy.groupEnd(transfer, shared, 0)).as("nothing is saved").isZero();
        assertThat(policy.coalescing()).isEmpty();
        save(1);
        policy.onSaved(transfer, 10 * MICROS);
        assertThat(policy.groupEnd(transfer, shared, 10 * MICROS)).isZero();
        save(2);
        policy.onSaved(transfer, 100 * MICROS);
        assertThat(policy.groupEnd(transfer, shared, 159 * MICROS)).isZero();
        assertThat(policy.coalescing()).containsExactly(transfer);
        assertThat(policy.groupEnd(transfer, shared, 160 * MICROS)).isEqualTo(3);
        assertThat(policy.coalescing()).isEmpty();
    }

    @Test
    void shouldCountTheTimeThatAGroupBeforeItTook() {
        OfferPolicy policy = new OfferPolicy(1000, LAYER_BYTES);
        save(1);
        policy.onSaved(transfer, 0);
        transfer.groupEnd = 1;
        transfer.moveTo(SendState.OFFERED);
        policy.onOffered(transfer);
        transfer.moveTo(SendState.GRANTED);
        policy.onSaved(transfer, 100 * MICROS);
        save(1);
        policy.onSaved(transfer, 200 * MICROS);
        transfer.groupFirst = 1;
        transfer.moveTo(SendState.WAITING);
        policy.onSaved(transfer, 350 * MICROS);
        assertThat(policy.groupEnd(transfer, shared, 350 * MICROS)).isEqualTo(2);
    }

    @Test
    void shouldOfferAWholeGroupAtOnce() {
        OfferPolicy policy = new OfferPolicy(3 * LAYER_BYTES, LAYER_BYTES);
        save(2);
        assertThat(policy.groupEnd(transfer, shared, 0)).isZero();
        save(2);
        assertThat(policy.groupEnd(transfer, shared, 0)).as("the budget is full").isEqualTo(3);
        assertThat(policy.coalescing()).isEmpty();
        transfer.groupFirst = 6;
        save(4);
        assertThat(policy.groupEnd(transfer, shared, 0)).as("all are saved").isEqualTo(LAYERS);
    }

    @Test
    void shouldForgetWhatIsNotToBeOffered() {
        OfferPolicy policy = new OfferPolicy(1000, LAYER_BYTES);
        save(1);
        policy.groupEnd(transfer, shared, 0);
        policy.forget(transfer);
        assertThat(policy.coalescing()).isEmpty();
    }

    private void save(int layers) {
        for (int i = 0; i < layers; i++) {
            transfer.save(
                    transfer.savedLayers(),
                    List.of(MemoryRegion.ofBuffer(ByteBuffer.allocate((int) LAYER_BYTES))));
        }
    }

    private static Outbound transfer() {
        TransferRoute route =
                new TransferRoute(
                        new HostPort("p", 1), new HostPort("d", 2), new TransferId(1, 2, 0));
        KvRequest request = new KvRequest("r", Optional.of(route), new int[] {1, 2});
        return new Outbound(request, LAYERS, 7, false, null);
    }

    private static Session session(boolean sharedLane) {
        Session session =
                new Session(new ControlTransport.Link() {}, new HostPort("d", 2), true, 0);
        session.device = new DeviceAgent(new SimFabric(sharedLane, true).join("p/1"));
        return session;
    }
}
