// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.arrival;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ArrivalTest {

    private final Arrival arrival = new Arrival(2, () -> 5);

    @Test
    void shouldHaveALayerOnlyWhenAllItsChunksAreHere() {
        arrival.expect(2);
        arrive(0);
        arrive(1);
        assertThat(arrival.here(0)).isFalse();
        arrive(0);
        assertThat(arrival.here(0)).isTrue();
        assertThat(arrival.here(1)).isFalse();
        assertThat(arrival.complete()).isFalse();
        arrive(1);
        assertThat(arrival.complete()).isTrue();
        assertThat(arrival.lastNs()).isEqualTo(5);
    }

    @Test
    void shouldReportAChunkBeforeAnybodySeesIt() {
        AtomicInteger reports = new AtomicInteger();
        arrival.arrived(
                0,
                () -> {
                    assertThat(arrival.here(0)).isFalse();
                    reports.incrementAndGet();
                });
        assertThat(reports).hasValue(1);
        assertThat(arrival.here(0)).isTrue();
    }

    private void arrive(int layer) {
        arrival.arrived(layer, () -> {});
    }
}
