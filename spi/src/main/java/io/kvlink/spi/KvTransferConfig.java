// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The part of {@code kv_transfer_config} that every connector shares. The keys are the ones users
 * of the field know.
 *
 * @param connector {@code kv_connector}: a provider's name
 * @param role {@code kv_role}
 * @param engineId {@code engine_id}: a name for logs; empty to let the connector make one
 * @param host {@code kv_ip}: the address to bind and to advertise; default 127.0.0.1
 * @param port {@code kv_port}: the first control port; rank r listens on port + r; 0 takes any free
 *     one
 * @param bufferBytes {@code kv_buffer_size}: bytes of received KV (consumer) or of KV held for
 *     fetching (producer in GET mode) outside the host pool
 * @param loadFailurePolicy {@code kv_load_failure_policy}
 * @param extra {@code kv_connector_extra_config}: the connector's own settings, unread
 * @param ignoredKeys keys that are there, are known elsewhere, and have no effect here
 */
public record KvTransferConfig(
        String connector,
        KvRole role,
        String engineId,
        String host,
        int port,
        long bufferBytes,
        KvLoadFailurePolicy loadFailurePolicy,
        Settings extra,
        List<String> ignoredKeys) {

    private static final List<String> WITHOUT_EFFECT =
            List.of(
                    "kv_rank",
                    "kv_parallel_size",
                    "kv_buffer_device",
                    "kv_connector_module_path",
                    "enable_permute_local_kv");

    /**
     * Checks a parsed JSON object.
     *
     * @param json the object's keys and values
     * @return the configuration
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}, naming key, value and what is
     *     allowed
     */
    public static KvTransferConfig of(Map<String, ? extends @Nullable Object> json) {
        Settings settings = Settings.of("kv_transfer_config", json);
        List<String> ignored = new ArrayList<>();
        for (String key : WITHOUT_EFFECT) {
            if (settings.ignored(key)) {
                ignored.add(key);
            }
        }
        KvTransferConfig config =
                new KvTransferConfig(
                        settings.requiredText("kv_connector", "P2pNcclConnector"),
                        settings.choice("kv_role", List.of(KvRole.values()), KvRole::key, null),
                        settings.text("engine_id", ""),
                        settings.text("kv_ip", "127.0.0.1"),
                        (int) settings.integer("kv_port", 14579, 0, 65535),
                        settings.integer("kv_buffer_size", 1_000_000_000L, 0, Long.MAX_VALUE),
                        settings.choice(
                                "kv_load_failure_policy",
                                List.of(KvLoadFailurePolicy.values()),
                                KvLoadFailurePolicy::key,
                                KvLoadFailurePolicy.RECOMPUTE),
                        settings.section("kv_connector_extra_config"),
                        List.copyOf(ignored));
        settings.refuseUnknown();
        return config;
    }

    /** Copy of this configuration with another {@link #port}. */
    public KvTransferConfig withPort(int other) {
        return new KvTransferConfig(
                connector,
                role,
                engineId,
                host,
                other,
                bufferBytes,
                loadFailurePolicy,
                extra,
                ignoredKeys);
    }
}
