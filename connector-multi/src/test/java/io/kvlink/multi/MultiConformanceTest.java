// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvConnectorContract;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The contract over a whole of the P2P connector and a part that never has KV. */
class MultiConformanceTest extends KvConnectorContract {

    private static final int DEADLINE_S = 4;

    @Override
    protected KvConnectorProvider provider() {
        return new MultiConnectorProvider();
    }

    @Override
    protected Map<String, Object> config(KvRole role) {
        Map<String, Object> p2p =
                Map.of(
                        "kv_connector",
                        "P2pNcclConnector",
                        "kv_connector_extra_config",
                        Map.of(
                                "send_type",
                                "PUT_ASYNC",
                                "data_plane",
                                "tcp",
                                "transfer_timeout_s",
                                DEADLINE_S,
                                "handshake_timeout_s",
                                3,
                                "peer_timeout_s",
                                DEADLINE_S,
                                "unclaimed_ttl_s",
                                DEADLINE_S));
        return Map.of(
                "kv_connector",
                MultiConnectorProvider.NAME,
                "kv_role",
                role.key(),
                "kv_port",
                0,
                "kv_connector_extra_config",
                Map.of("connectors", List.of(Map.of("kv_connector", "played"), p2p)));
    }

    @Override
    protected Duration transferDeadline() {
        return Duration.ofSeconds(DEADLINE_S);
    }

    @Override
    protected Duration unclaimedTtl() {
        return Duration.ofSeconds(DEADLINE_S);
    }
}
