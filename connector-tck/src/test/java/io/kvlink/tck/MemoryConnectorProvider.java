// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The suite's reference: a connector between engines of one thread, as small as the contract
 * allows. It can be told to break one rule.
 */
final class MemoryConnectorProvider implements KvConnectorProvider {

    private static final Set<KvCapability> FETCHING =
            Set.of(
                    KvCapability.PEERS,
                    KvCapability.BOTH_ROLES,
                    KvCapability.CHUNKED_PREFILL,
                    KvCapability.LOAD_BEHIND_PREFIX,
                    KvCapability.ATTACHMENTS);

    private final MemoryNetwork network;
    private final OneAtATime.Wanted ofAll = new OneAtATime.Wanted(KvScheduler.class);

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

    /** Files of transfers that no ledger shows. */
    List<String> leftovers() {
        synchronized (network) {
            return network.files();
        }
    }

    static Set<KvCapability> capabilities(boolean push) {
        Set<KvCapability> all = EnumSet.copyOf(FETCHING);
        if (push) {
            all.add(KvCapability.PUSH);
        }
        return all;
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
        synchronized (network) {
            return OneAtATime.of(network, network.open(config, context), wanted());
        }
    }

    private OneAtATime.Wanted wanted() {
        return switch (network.fault) {
            case NEEDS_ONE_THREAD -> new OneAtATime.Wanted(KvScheduler.class, KvWorker.class);
            case WANTS_ALL_SCHEDULERS_ON_ONE_THREAD -> ofAll;
            default -> new OneAtATime.Wanted();
        };
    }
}
