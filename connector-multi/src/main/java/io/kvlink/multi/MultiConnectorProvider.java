// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes connectors of several parts. {@code kv_connector_extra_config.connectors} lists them: each
 * is a {@code kv_transfer_config} that takes what it doesn't say from the whole.
 */
public final class MultiConnectorProvider implements KvConnectorProvider {

    /** Name in {@code kv_connector}. */
    public static final String NAME = "MultiConnector";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        KvConnectors known =
                context.connectors()
                        .orElseGet(() -> KvConnectors.load(getClass().getClassLoader()));
        List<Map<String, @Nullable Object>> listed = config.extra().objects("connectors");
        config.extra().refuseUnknown();
        if (listed.isEmpty()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_connector_extra_config.connectors=[]; expected one kv_transfer_config or more");
        }
        List<Part> parts = new ArrayList<>();
        try {
            for (Map<String, @Nullable Object> own : listed) {
                KvTransferConfig part = KvTransferConfig.of(inherited(config, own));
                parts.add(
                        new Part(
                                parts.size(),
                                part.connector(),
                                known.named(part.connector()).create(part, context)));
            }
        } catch (RuntimeException | Error cause) {
            MultiConnector.close(parts);
            throw cause;
        }
        return new MultiConnector(parts);
    }

    private static Map<String, @Nullable Object> inherited(
            KvTransferConfig whole, Map<String, @Nullable Object> own) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("kv_role", whole.role().key());
        json.put("engine_id", whole.engineId());
        json.put("kv_ip", whole.host());
        json.put("kv_port", whole.port());
        json.put("kv_buffer_size", whole.bufferBytes());
        json.put("kv_load_failure_policy", whole.loadFailurePolicy().key());
        json.put("kv_model_id", whole.modelId().orElse(""));
        json.putAll(own);
        return json;
    }
}
