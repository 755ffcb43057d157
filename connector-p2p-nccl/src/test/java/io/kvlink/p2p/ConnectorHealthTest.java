// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.Availability;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ConnectorHealthTest {

    @Test
    void shouldBeUsableUntilItIsClosed() {
        KvConnector connector = connector(() -> {});
        assertThat(connector.health()).isEqualTo(Availability.usable());
        connector.close();
        assertThat(connector.health().reason())
                .isEqualTo("connector=" + connector.address().orElseThrow() + " is closed");
    }

    /** The engine is woken on the control thread, when the peer that isn't there is given up. */
    @Test
    void shouldNotBeUsableWhenItsControlThreadDies() {
        try (KvConnector connector =
                connector(
                        () -> {
                            throw new OutOfMemoryError("made by the test");
                        })) {
            connector.scheduler().onRequestAdded(request(connector.address().orElseThrow()));
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (connector.health().ready()) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                Thread.onSpinWait();
            }
            assertThat(connector.health().reason())
                    .isEqualTo(
                            "connector=%s thread=kv-ctl has ended: java.lang.OutOfMemoryError: made by the test"
                                    .formatted(connector.address().orElseThrow()));
        }
    }

    private static KvRequest request(HostPort decode) {
        TransferRoute route =
                new TransferRoute(new HostPort("127.0.0.1", 9), decode, new TransferId(1, 2, 0));
        return KvRequest.builder("r", new int[5]).route(route).build();
    }

    private static KvConnector connector(Runnable wakeup) {
        Map<String, Object> json =
                Map.of(
                        "kv_connector",
                        P2pNcclConnectorProvider.NAME,
                        "kv_role",
                        "kv_consumer",
                        "kv_port",
                        0,
                        "kv_buffer_size",
                        1 << 20,
                        "kv_connector_extra_config",
                        Map.of(
                                "data_plane",
                                "loopback",
                                "handshake_timeout_s",
                                0.2,
                                "transfer_timeout_s",
                                0.5));
        KvConnectorContext context =
                KvConnectorContext.builder(KvLayout.single("m", 2, 1, 4, DType.F32, 16), wakeup)
                        .build();
        return new P2pNcclConnectorProvider().create(KvTransferConfig.of(json), context);
    }
}
