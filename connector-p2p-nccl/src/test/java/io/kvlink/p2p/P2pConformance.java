// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvConnectorContract;
import io.kvlink.tck.TckCapability;
import java.time.Duration;
import java.util.Map;

/** The conformance suite over one mode and one data plane of this connector. */
abstract class P2pConformance extends KvConnectorContract {

    private final SendType sendType;
    private final String dataPlane;
    private final int timeoutS;

    P2pConformance(SendType sendType, String dataPlane) {
        this(sendType, dataPlane, 3);
    }

    P2pConformance(SendType sendType, String dataPlane, int timeoutS) {
        this.sendType = sendType;
        this.dataPlane = dataPlane;
        this.timeoutS = timeoutS;
    }

    @Override
    protected KvConnectorProvider provider() {
        return new P2pNcclConnectorProvider();
    }

    @Override
    protected Map<String, Object> config(KvRole role) {
        return Map.of(
                "kv_connector",
                P2pNcclConnectorProvider.NAME,
                "kv_role",
                role.key(),
                "kv_port",
                0,
                "kv_connector_extra_config",
                Map.of(
                        "send_type",
                        sendType.name(),
                        "data_plane",
                        dataPlane,
                        "transfer_timeout_s",
                        timeoutS,
                        "get_lease_s",
                        timeoutS,
                        "handshake_timeout_s",
                        // A busy machine answers late.
                        timeoutS * 3 / 4.0,
                        "unclaimed_ttl_s",
                        1));
    }

    @Override
    protected Duration transferDeadline() {
        return Duration.ofSeconds(timeoutS);
    }

    @Override
    protected Duration unclaimedTtl() {
        return Duration.ofSeconds(sendType == SendType.GET ? timeoutS : 1);
    }

    // So that most of the suite's prompts leave in several chunks; rule 113 has other sizes.
    @Override
    protected int prefillChunk() {
        return 16;
    }

    @Override
    protected boolean supports(TckCapability capability) {
        return capability != TckCapability.PUSH || sendType != SendType.GET;
    }
}
