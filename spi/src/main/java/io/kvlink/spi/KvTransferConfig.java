// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Configuration that every connector shares. The keys are the ones users of the field know. Made by
 * {@link #of} only.
 */
public final class KvTransferConfig {

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
        KvTransferConfig config = new KvTransferConfig(settings, ignored);
        settings.refuseUnknown();
        return config;
    }

    private final String connector;
    private final KvRole role;
    private final String engineId;
    private final String host;
    private final int port;
    private final long bufferBytes;
    private final KvLoadFailurePolicy loadFailurePolicy;
    private final Optional<String> modelId;
    private final Settings extra;
    private final List<String> ignoredKeys;

    private KvTransferConfig(Settings settings, List<String> ignored) {
        connector = settings.requiredText("kv_connector", "P2pNcclConnector");
        role = settings.choice("kv_role", List.of(KvRole.values()), KvRole::key, null);
        engineId = settings.text("engine_id", "");
        host = settings.text("kv_ip", "127.0.0.1");
        port = (int) settings.integer("kv_port", 14579, 0, 65535);
        bufferBytes = settings.integer("kv_buffer_size", 1_000_000_000L, 0, Long.MAX_VALUE);
        loadFailurePolicy =
                settings.choice(
                        "kv_load_failure_policy",
                        List.of(KvLoadFailurePolicy.values()),
                        KvLoadFailurePolicy::key,
                        KvLoadFailurePolicy.RECOMPUTE);
        modelId = Optional.of(settings.text("kv_model_id", "")).filter(id -> !id.isEmpty());
        extra = settings.section("kv_connector_extra_config");
        ignoredKeys = List.copyOf(ignored);
    }

    private KvTransferConfig(KvTransferConfig from, int port) {
        connector = from.connector;
        role = from.role;
        engineId = from.engineId;
        host = from.host;
        this.port = port;
        bufferBytes = from.bufferBytes;
        loadFailurePolicy = from.loadFailurePolicy;
        modelId = from.modelId;
        extra = from.extra;
        ignoredKeys = from.ignoredKeys;
    }

    /** Copy of this configuration with another {@link #port}. */
    public KvTransferConfig withPort(int other) {
        return new KvTransferConfig(this, other);
    }

    /** {@code kv_connector}: name of a provider. */
    public String connector() {
        return connector;
    }

    /** {@code kv_role}. */
    public KvRole role() {
        return role;
    }

    /** {@code engine_id}: a name for logs; empty to let the connector make one. */
    public String engineId() {
        return engineId;
    }

    /** {@code kv_ip}: the address to bind and to advertise; default 127.0.0.1. */
    public String host() {
        return host;
    }

    /**
     * {@code kv_port}: the first control port; rank r listens on port + r; 0 takes any free one.
     */
    public int port() {
        return port;
    }

    /**
     * {@code kv_buffer_size}: bytes of received KV (consumer) or of KV held for fetching (producer
     * in GET mode) outside the host pool.
     */
    public long bufferBytes() {
        return bufferBytes;
    }

    /** {@code kv_load_failure_policy}. */
    public KvLoadFailurePolicy loadFailurePolicy() {
        return loadFailurePolicy;
    }

    /**
     * {@code kv_model_id}: name of what the KV is compatible with, for {@link KvLayout#model}.
     * Empty to let the engine take a digest of the weights.
     */
    public Optional<String> modelId() {
        return modelId;
    }

    /**
     * {@code kv_connector_extra_config}: the connector's own settings, unread. An engine that makes
     * itself known to proxies has taken {@code proxy_ip}, {@code proxy_port} and {@code http_port}
     * out.
     */
    public Settings extra() {
        return extra;
    }

    /** Keys that are there, are known elsewhere, and have no effect here. */
    public List<String> ignoredKeys() {
        return ignoredKeys;
    }
}
