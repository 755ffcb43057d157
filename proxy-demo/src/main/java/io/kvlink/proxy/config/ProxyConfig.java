// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.config;

import io.kvlink.http.CorsSettings;
import io.kvlink.spi.Settings;
import java.util.List;

/**
 * The proxy's settings, checked. The README's table explains each.
 *
 * @param host where clients connect
 * @param port their port; 0 for any free one
 * @param discoveryHost where instances send heartbeats
 * @param discoveryPort their port; 0 for any free one
 * @param expiryMs silence after which an instance is taken out
 * @param maxInstances the most instances
 * @param dispatch when the decode instance gets the request
 * @param policy how instances are chosen
 * @param decodeAlone whether decode instances may serve without any prefill instance
 * @param farewellMs how long an instance may take to finish its answers after its farewell
 * @param maxBodyBytes the largest request body
 * @param maxBufferedBytes the most bytes of all bodies that are held at a time
 * @param maxConnections the most client connections
 * @param connectTimeoutMs deadline of a connect to an instance
 * @param upstreamTimeoutMs deadline of a whole request
 * @param skipMs how long an instance that refused a connection is avoided
 * @param threads event loops
 * @param cors for pages of other origins
 */
public record ProxyConfig(
        String host,
        int port,
        String discoveryHost,
        int discoveryPort,
        int expiryMs,
        int maxInstances,
        Dispatch dispatch,
        Policy policy,
        boolean decodeAlone,
        int farewellMs,
        int maxBodyBytes,
        long maxBufferedBytes,
        int maxConnections,
        int connectTimeoutMs,
        long upstreamTimeoutMs,
        int skipMs,
        int threads,
        CorsSettings cors) {

    private static final int DAY_MS = 24 * 60 * 60 * 1000;

    /** Moment at which the decode instance gets the request. */
    public enum Dispatch {
        /** Together with the prefill instance. */
        CONCURRENT("concurrent"),
        /** Dispatch after the prefill instance has answered. */
        SERIAL("serial");

        private final String word;

        Dispatch(String word) {
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    /** Rule by which instances are chosen. */
    enum Policy {
        /** Each in turn, so that every pair occurs. */
        ROUND_ROBIN("round_robin");

        private final String word;

        Policy(String word) {
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    /** Reads all settings and refuses unknown ones. */
    public static ProxyConfig of(Settings settings) {
        String host = settings.text("host", "127.0.0.1");
        ProxyConfig config =
                new ProxyConfig(
                        host,
                        whole(settings, "port", 10_001, 0, 65_535),
                        settings.text("discovery_host", host),
                        whole(settings, "discovery_port", 30_001, 0, 65_535),
                        whole(settings, "expiry_ms", 10_000, 1, DAY_MS),
                        whole(settings, "max_instances", 1024, 1, 65_536),
                        settings.choice(
                                "dispatch",
                                List.of(Dispatch.values()),
                                Dispatch::word,
                                Dispatch.CONCURRENT),
                        settings.choice(
                                "policy",
                                List.of(Policy.values()),
                                Policy::word,
                                Policy.ROUND_ROBIN),
                        settings.flag("decode_alone_without_prefill", false),
                        whole(settings, "farewell_ms", 300_000, 1, DAY_MS),
                        whole(settings, "max_body_bytes", 1 << 20, 1, 1 << 30),
                        settings.integer(
                                "max_buffered_bytes",
                                Runtime.getRuntime().maxMemory() / 4,
                                1,
                                Long.MAX_VALUE),
                        whole(settings, "max_connections", 4096, 1, 1 << 20),
                        whole(settings, "connect_timeout_ms", 5_000, 1, DAY_MS),
                        settings.integer("upstream_timeout_ms", DAY_MS / 4, 1, 7L * DAY_MS),
                        whole(settings, "skip_after_connect_failure_ms", 5_000, 0, DAY_MS),
                        whole(settings, "threads", 2, 1, 256),
                        CorsSettings.of(
                                settings.text("cors_allowed_origins", ""),
                                settings.text("cors_allowed_methods", ""),
                                settings.text("cors_allowed_headers", "")));
        settings.refuseUnknown();
        return config;
    }

    private static int whole(Settings settings, String key, int absent, int min, int max) {
        return Math.toIntExact(settings.integer(key, absent, min, max));
    }
}
