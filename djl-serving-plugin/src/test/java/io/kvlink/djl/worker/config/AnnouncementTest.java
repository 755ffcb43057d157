// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnnouncementTest {

    private static final String WHERE = "kv_transfer_config.kv_connector_extra_config.";

    @Test
    void shouldAcceptTheReferencesOnePrefillThreeDecodes() {
        int[][] instances = {{20005, 21001}, {20009, 22001}, {20003, 23001}, {20008, 24001}};
        for (int[] ports : instances) {
            boolean producer = ports[1] == 21001;
            String json =
                    """
                    {"kv_connector":"P2pNcclConnector","kv_role":"%s","kv_buffer_size":"%s",
                     "kv_port":"%d","kv_connector_extra_config":{"proxy_ip":"10.0.1.1",
                     "proxy_port":"30001","http_port":"%d","send_type":"PUT_ASYNC",
                     "nccl_num_channels":"16"}}"""
                            .formatted(
                                    producer ? "kv_producer" : "kv_consumer",
                                    producer ? "1e1" : "8e9",
                                    ports[1],
                                    ports[0]);
            WorkerConfig config = config(Map.of("kv_transfer_config", json));
            assertThat(config.announcement())
                    .contains(
                            new Announcement(
                                    List.of(new HostPort("10.0.1.1", 30001)),
                                    new HostPort("127.0.0.1", ports[0])));
            // The connector sees its own keys only.
            var extra = config.transfer().orElseThrow().extra();
            assertThat(extra.text("send_type", "")).isEqualTo("PUT_ASYNC");
            assertThat(extra.text("nccl_num_channels", "")).isEqualTo("16");
            extra.refuseUnknown();
        }
    }

    @Test
    void shouldTakeOneAddressOrAList() {
        List<HostPort> two = List.of(new HostPort("p1", 30001), new HostPort("p2", 30001));
        assertThat(proxies(Map.of("proxy_ip", List.of("p1", "p2")))).isEqualTo(two);
        assertThat(proxies(Map.of("proxy_ip", "p1, p2"))).isEqualTo(two);
        assertThat(proxies(Map.of("proxy_ip", List.of("p1", "p2:4", "[fe80::1]:5", "fe80::2"))))
                .containsExactly(
                        new HostPort("p1", 30001),
                        new HostPort("p2", 4),
                        new HostPort("fe80::1", 5),
                        new HostPort("fe80::2", 30001));
    }

    @Test
    void shouldHaveNoProxyIfOneOfItsKeysIsMissing() {
        assertThat(announced(Map.of())).isEmpty();
        assertThat(announced(Map.of("proxy_ip", "10.0.1.1"))).isEmpty();
        assertThat(announced(Map.of("proxy_port", 30001))).isEmpty();
        assertThat(announced(Map.of("proxy_ip", "", "proxy_port", ""))).isEmpty();
        assertThat(announced(Map.of("proxy_ip", "10.0.1.1", "proxy_port", 0))).isEmpty();
        assertThat(announced(Map.of("http_port", "20001"))).isEmpty();
    }

    @Test
    void shouldAnnounceAWorkerWithoutAConnector() {
        WorkerConfig config =
                config(
                        Map.of(
                                "proxy_ip", "10.0.1.1",
                                "proxy_port", "30001",
                                "http_ip", "10.0.1.2",
                                "http_port", "20001"));
        assertThat(config.transfer()).isEmpty();
        assertThat(config.announcement())
                .contains(
                        new Announcement(
                                List.of(new HostPort("10.0.1.1", 30001)),
                                new HostPort("10.0.1.2", 20001)));
    }

    @Test
    void shouldReachAnInstanceAtItsKvAddressUnlessItSaysAnother() {
        Map<String, Object> extra = Map.of("proxy_ip", "p", "proxy_port", 1, "http_port", 2);
        assertThat(announced(extra)).map(Announcement::http).contains(new HostPort("10.9.9.9", 2));
        Map<String, Object> options = new HashMap<>(options(extra));
        options.put("http_ip", "public");
        assertThat(config(options).announcement())
                .map(Announcement::http)
                .contains(new HostPort("public", 2));
    }

    @Test
    void shouldTakeEachKeyFromWhereItIs() {
        Map<String, Object> all = Map.of("proxy_ip", "p", "proxy_port", "1", "http_port", "2");
        Optional<Announcement> expected =
                Optional.of(
                        new Announcement(
                                List.of(new HostPort("p", 1)), new HostPort("10.9.9.9", 2)));
        for (int there = 0; there < 8; there++) {
            Map<String, Object> extra = new HashMap<>();
            Map<String, Object> own = new HashMap<>();
            int bit = 1;
            for (Map.Entry<String, Object> key : all.entrySet()) {
                ((there & bit) == 0 ? own : extra).put(key.getKey(), key.getValue());
                bit *= 2;
            }
            own.putAll(options(extra));
            assertThat(config(own).announcement()).as("%s", own).isEqualTo(expected);
        }
        Map<String, Object> twice = new HashMap<>(options(all));
        twice.putAll(all);
        assertThat(config(twice).announcement()).as("both agree").isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"proxy_ip, q", "proxy_port, 7", "http_port, 8"})
    void shouldRefuseAKeyOfWhichTwoPlacesSayDifferentThings(String key, String value) {
        Map<String, Object> extra = Map.of("proxy_ip", "p", "proxy_port", "1", "http_port", "2");
        Map<String, Object> options = new HashMap<>(options(extra));
        options.put(key, value);
        assertThatThrownBy(() -> config(options))
                .hasMessageStartingWith("BAD_CONFIG(1): option.%s=%s ".formatted(key, value))
                .hasMessageContaining(WHERE + key + "=" + extra.get(key) + "; expected it in one");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "proxy_port | 65536 | a whole number from 0 to 65535",
                "proxy_port | -1 | a whole number from 0 to 65535",
                "proxy_port | x | a number, such as 8e9 or \"8e9\"",
                "http_port | 70000 | a whole number from 1 to 65535",
                "http_port | 0 | a whole number from 1 to 65535",
                "proxy_ip | http://proxy | host names or IP addresses",
                "proxy_ip | p q | host names or IP addresses",
                "proxy_ip | p:70000 | host names or IP addresses",
            })
    void shouldNameKeyValueAndWhatIsAllowed(String key, String value, String allowed) {
        Map<String, Object> extra =
                new HashMap<>(Map.of("proxy_ip", "p", "proxy_port", 1, "http_port", 2));
        extra.put(key, value);
        requireRefused(extra, WHERE + key + "=" + value + "; expected " + allowed);
    }

    @Test
    void shouldRefuseWhatIsMissingOrOfAnotherType() {
        Map<String, Object> extra = Map.of("proxy_ip", "p", "proxy_port", 1);
        requireRefused(extra, WHERE + "http_port is missing; for example");
        requireRefused(Map.of("proxy_ip", List.of(1)), WHERE + "proxy_ip=[1]; expected texts");
        requireRefused(Map.of("http_port", List.of(1)), WHERE + "http_port=[1]; expected a number");
    }

    private static Map<String, Object> options(Map<String, Object> extra) {
        return Map.of(
                "kv_transfer_config",
                new Gson()
                        .toJson(
                                Map.of(
                                        "kv_connector", "Any",
                                        "kv_role", "kv_both",
                                        "kv_ip", "10.9.9.9",
                                        "kv_connector_extra_config", extra)));
    }

    private static List<HostPort> proxies(Map<String, Object> extra) {
        Map<String, Object> all = new HashMap<>(extra);
        all.put("proxy_port", 30001);
        all.put("http_port", 2);
        return announced(all).orElseThrow().proxies();
    }

    private static Optional<Announcement> announced(Map<String, Object> extra) {
        return config(options(extra)).announcement();
    }

    private static WorkerConfig config(Map<String, Object> options) {
        return WorkerConfig.of(Path.of("some/demo-model"), options);
    }

    private static void requireRefused(Map<String, Object> extra, String message) {
        assertThatThrownBy(() -> announced(extra))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        refused -> assertThat(refused.error()).isEqualTo(KvError.BAD_CONFIG))
                .hasMessageContaining(message);
    }
}
