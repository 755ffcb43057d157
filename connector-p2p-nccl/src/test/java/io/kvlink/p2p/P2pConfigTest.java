// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvTransferConfig;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class P2pConfigTest {

    @Test
    void shouldHaveDefaults() {
        assertThat(of(Map.of()))
                .isEqualTo(
                        new P2pConfig(
                                SendType.PUT_ASYNC,
                                0,
                                32L << 30,
                                "auto",
                                30_000_000_000L,
                                5_000_000_000L,
                                10_000_000_000L,
                                480_000_000_000L,
                                60_000_000_000L));
    }

    @Test
    void shouldTakeNumbersAsNumbersOrText() {
        for (Object half : new Object[] {0.5, "0.5", "5e-1"}) {
            assertThat(of(Map.of("mem_pool_size_gb", half)).poolBytes()).isEqualTo(1L << 29);
        }
        assertThat(of(Map.of("mem_pool_size_gb", 0)).poolBytes()).isZero();
        assertThat(of(Map.of("transfer_timeout_s", "0.001")).transferTimeoutNs())
                .isEqualTo(1_000_000);
        assertThat(of(Map.of("send_type", "GET")).sendType()).isEqualTo(SendType.GET);
        assertThat(of(Map.of("data_plane", "cuda-ipc")).dataPlane()).isEqualTo("cuda-ipc");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "send_type | PULL | one of [PUT, GET, PUT_ASYNC]",
                "send_type | put | one of [PUT, GET, PUT_ASYNC]",
                "nccl_num_channels | 33 | a whole number from 0 to 32",
                "nccl_num_channels | -1 | a whole number from 0 to 32",
                "mem_pool_size_gb | -0.5 | a number from 0.0 to 1000000.0",
                "data_plane | rdma | one of [auto, cuda-ipc, nccl, tcp, loopback]",
                "transfer_timeout_s | 0.0 | a number from 0.001 to 86400.0",
                "transfer_timeout_s | 86401.0 | a number from 0.001 to 86400.0",
                "handshake_timeout_s | 0.0 | a number from 0.001 to 86400.0",
                "peer_timeout_s | 2.9 | a number from 3.0 to 86400.0",
                "get_lease_s | 0.0 | a number from 0.001 to 86400.0",
                "unclaimed_ttl_s | 0.0 | a number from 0.001 to 86400.0",
            })
    void shouldNameKeyValueAndWhatIsAllowed(String key, String value, String allowed) {
        assertRefused(
                Map.of(key, value),
                "kv_connector_extra_config." + key + "=" + value + "; expected " + allowed);
    }

    @Test
    void shouldNameTheNearestKeyOfAnUnknownOne() {
        assertRefused(
                Map.of("mem_pool_size_gib", 1),
                "kv_connector_extra_config.mem_pool_size_gib is no setting; did you mean"
                        + " mem_pool_size_gb?");
    }

    private static P2pConfig of(Map<String, Object> extra) {
        return P2pConfig.of(
                KvTransferConfig.of(
                        Map.of(
                                "kv_connector",
                                "P2pNcclConnector",
                                "kv_role",
                                "kv_consumer",
                                "kv_connector_extra_config",
                                extra)));
    }

    private static void assertRefused(Map<String, Object> extra, String message) {
        assertThatThrownBy(() -> of(extra))
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContaining(message)
                .extracting(cause -> ((KvConnectorException) cause).error())
                .isEqualTo(KvError.BAD_CONFIG);
    }
}
