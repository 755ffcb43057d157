// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import java.util.Map;

/**
 * The suite's reference: a connector between engines of one thread, as small as the contract
 * allows. It can be told to break one rule.
 */
final class MemoryConnectorProvider implements KvConnectorProvider {

    private final MemoryNetwork network;

    MemoryConnectorProvider(Fault fault, TckClock clock, FakeDevice device) {
        network = new MemoryNetwork(fault, clock, device);
    }

    static Map<String, Object> config(KvRole role, boolean push, int deadlineMs, int ttlMs) {
        return Map.of(
                "kv_connector",
                "memory",
                "kv_role",
                role.key(),
                "kv_port",
                0,
                "kv_connector_extra_config",
                Map.of("push", push, "deadline_ms", deadlineMs, "unclaimed_ttl_ms", ttlMs));
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        return network.open(config, context);
    }
}
