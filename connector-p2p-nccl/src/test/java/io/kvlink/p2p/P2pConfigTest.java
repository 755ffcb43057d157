// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvTransferConfig;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class P2pConfigTest {

    @Test
    void shouldHaveDefaults() {
        assertThat(of(Map.of()))
                .isEqualTo(
                        new P2pConfig(
                                Optional.empty(),
                                0,
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
    void shouldAcceptTheReferencesOnePrefillThreeDecodes() {
        int[][] instances = {
            {20005, 21001}, {20009, 22001}, {20003, 23001}, {20008, 24001},
        };
        for (int[] ports : instances) {
            boolean producer = ports[1] == 21001;
            Map<String, Object> extra = new LinkedHashMap<>();
            extra.put("proxy_ip", "10.0.1.1");
            extra.put("proxy_port", "30001");
            extra.put("http_port", Integer.toString(ports[0]));
            extra.put("send_type", "PUT_ASYNC");
            extra.put("nccl_num_channels", "16");
            Map<String, Object> json = new HashMap<>();
            json.put("kv_connector", "P2pNcclConnector");
            json.put("kv_role", producer ? "kv_producer" : "kv_consumer");
            json.put("kv_buffer_size", producer ? "1e1" : "8e9");
            json.put("kv_port", Integer.toString(ports[1]));
            json.put("kv_connector_extra_config", extra);
            P2pConfig config = P2pConfig.of(KvTransferConfig.of(json));
            assertThat(config.proxy()).contains(new HostPort("10.0.1.1", 30001));
            assertThat(config.httpPort()).isEqualTo(ports[0]);
            assertThat(config.ncclChannels()).isEqualTo(16);
        }
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

    @Test
    void shouldHaveNoProxyIfOneOfItsKeysIsMissing() {
        assertThat(of(Map.of("proxy_ip", "10.0.1.1")).proxy()).isEmpty();
        assertThat(of(Map.of("proxy_port", 30001)).proxy()).isEmpty();
        assertThat(of(Map.of("proxy_ip", "", "proxy_port", "")).proxy()).isEmpty();
        assertThat(of(Map.of("proxy_ip", "10.0.1.1", "proxy_port", 0)).proxy()).isEmpty();
        assertThat(of(Map.of("http_port", "20001")).httpPort()).isEqualTo(20001);
    }

    @Test
    void shouldAskForTheHttpPortOnlyWithAProxy() {
        assertRefused(
                Map.of("proxy_ip", "10.0.1.1", "proxy_port", "30001"),
                "kv_connector_extra_config.http_port is missing; for example \"http_port\":"
                        + " \"20001\"");
        assertRefused(
                Map.of("proxy_ip", "10.0.1.1", "proxy_port", "30001", "http_port", 0),
                "kv_connector_extra_config.http_port=0; expected a whole number from 1 to 65535");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "proxy_port | 65536 | a whole number from 0 to 65535",
                "proxy_port | -1 | a whole number from 0 to 65535",
                "proxy_port | x | a number, such as 8e9 or \"8e9\"",
                "http_port | 70000 | a whole number from 0 to 65535",
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

    @Test
    void shouldRefuseAProxyThatIsNoAddress() {
        assertRefused(
                Map.of("proxy_ip", "http://proxy", "proxy_port", 1, "http_port", 1),
                "kv_connector_extra_config.proxy_ip=http://proxy; expected a host name or an IP"
                        + " address");
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
