// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class KvTransferConfigTest {

    @Test
    void shouldReadTheJsonThatUsersOfTheFieldHave() {
        Map<String, Object> extra =
                Map.of(
                        "proxy_ip", "10.0.1.1",
                        "proxy_port", "30001",
                        "http_port", "20001",
                        "send_type", "PUT_ASYNC",
                        "nccl_num_channels", "16");
        KvTransferConfig config =
                KvTransferConfig.of(
                        Map.of(
                                "kv_connector", "P2pNcclConnector",
                                "kv_role", "kv_producer",
                                "kv_buffer_size", "1e1",
                                "kv_port", "21001",
                                "kv_connector_extra_config", extra));
        assertThat(config.connector()).isEqualTo("P2pNcclConnector");
        assertThat(config.role()).isEqualTo(KvRole.PRODUCER);
        assertThat(config.bufferBytes()).isEqualTo(10);
        assertThat(config.port()).isEqualTo(21001);
        assertThat(config.host()).isEqualTo("127.0.0.1");
        assertThat(config.engineId()).isEmpty();
        assertThat(config.loadFailurePolicy()).isEqualTo(KvLoadFailurePolicy.RECOMPUTE);
        assertThat(config.ignoredKeys()).isEmpty();
        assertThat(config.extra().text("send_type", "")).isEqualTo("PUT_ASYNC");
        assertThat(config.extra().integer("nccl_num_channels", 8, 1, 64)).isEqualTo(16);
    }

    @Test
    void shouldHaveTheReferencesDefaults() {
        KvTransferConfig config =
                KvTransferConfig.of(Map.of("kv_connector", "X", "kv_role", "kv_consumer"));
        assertThat(config.port()).isEqualTo(14579);
        assertThat(config.bufferBytes()).isEqualTo(1_000_000_000L);
        assertThatNoException().isThrownBy(config.extra()::refuseUnknown);
    }

    @Test
    void shouldReadEveryRoleAndPolicy() {
        for (KvRole role : KvRole.values()) {
            assertThat(with("kv_role", role.key()).role()).isEqualTo(role);
        }
        for (KvLoadFailurePolicy policy : KvLoadFailurePolicy.values()) {
            assertThat(with("kv_load_failure_policy", policy.key()).loadFailurePolicy())
                    .isEqualTo(policy);
        }
        assertThat(KvRole.BOTH.produces() && KvRole.BOTH.consumes()).isTrue();
        assertThat(KvRole.PRODUCER.produces() && !KvRole.PRODUCER.consumes()).isTrue();
        assertThat(!KvRole.CONSUMER.produces() && KvRole.CONSUMER.consumes()).isTrue();
    }

    @Test
    void shouldTellWhichKeysHaveNoEffect() {
        assertThat(with("kv_rank", 0).ignoredKeys()).containsExactly("kv_rank");
        assertThat(with("kv_buffer_device", "cuda").ignoredKeys())
                .containsExactly("kv_buffer_device");
    }

    @Test
    void shouldRefuseAnUnknownKeyAndNameTheNearest() {
        assertError(KvError.BAD_CONFIG, () -> with("kv_bufer_size", "8e9"))
                .hasMessageStartingWith(
                        "BAD_CONFIG(1): kv_transfer_config.kv_bufer_size is no setting;"
                                + " did you mean kv_buffer_size? Known: [enable_permute_local_kv,");
    }

    @Test
    void shouldRefuseAMissingRole() {
        assertError(KvError.BAD_CONFIG, () -> KvTransferConfig.of(Map.of("kv_connector", "X")))
                .hasMessage(
                        "BAD_CONFIG(1): kv_transfer_config.kv_role=; expected one of"
                                + " [kv_producer, kv_consumer, kv_both]");
    }

    @Test
    void shouldRefuseAMissingConnector() {
        assertError(KvError.BAD_CONFIG, () -> KvTransferConfig.of(Map.of("kv_role", "kv_producer")))
                .hasMessage(
                        "BAD_CONFIG(1): kv_transfer_config.kv_connector is missing; for example"
                                + " \"kv_connector\": \"P2pNcclConnector\"");
    }

    @Test
    void shouldRefuseValuesOutOfRange() {
        assertError(KvError.BAD_CONFIG, () -> with("kv_port", 65536))
                .hasMessageContaining("kv_port=65536; expected a whole number from 0 to 65535");
        assertError(KvError.BAD_CONFIG, () -> with("kv_buffer_size", "-1"))
                .hasMessageContaining("kv_buffer_size=-1; expected a whole number from 0 to");
        assertError(KvError.BAD_CONFIG, () -> with("kv_buffer_size", "1e999999999"))
                .hasMessageContaining("kv_buffer_size=1e999999999; expected a number");
        assertError(KvError.BAD_CONFIG, () -> with("kv_connector_extra_config", "{}"))
                .hasMessageContaining("kv_connector_extra_config={}; expected an object");
    }

    private static KvTransferConfig with(String key, Object value) {
        Map<String, Object> json =
                new HashMap<>(Map.of("kv_connector", "X", "kv_role", "kv_producer"));
        json.put(key, value);
        return KvTransferConfig.of(json);
    }
}
