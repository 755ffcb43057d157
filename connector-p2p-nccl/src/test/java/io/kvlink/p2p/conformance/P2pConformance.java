// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.p2p.SendType;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvConnectorContract;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;

/** The conformance suite over one mode and one data plane of this connector. */
abstract class P2pConformance extends KvConnectorContract {

    // Rules that wait until a deadline has passed. The others wait for what happens, however long
    // a busy machine takes for it.
    private static final Set<String> UNTIL_DEADLINE = Set.of("403", "404", "406", "407");
    // Rules that do both.
    private static final Set<String> ALSO_UNTIL_DEADLINE = Set.of("402", "405", "503", "903");
    private static final int LEAST_FOR_BOTH_S = 3;
    private static final int LEAST_PEER_TIMEOUT_S = 3;
    private static final int PATIENCE_S = 30;
    // Little, so that no test waits for memory that the system has to clear.
    private static final long BUFFER_BYTES = 4_000_000;
    // A busy machine may be that late.
    private static final Duration SLACK = Duration.ofSeconds(10);

    private final SendType sendType;
    private final String dataPlane;
    private final int shortS;
    private int timeoutS;
    private int unclaimedS;

    P2pConformance(SendType sendType, String dataPlane) {
        this(sendType, dataPlane, 1);
    }

    P2pConformance(SendType sendType, String dataPlane, int shortS) {
        this.sendType = sendType;
        this.dataPlane = dataPlane;
        this.shortS = shortS;
    }

    @BeforeEach
    final void takeTheTimeOfTheRule(TestInfo test) {
        String rule = test.getTestMethod().orElseThrow().getName().replaceAll("\\D+", " ").trim();
        boolean waits = UNTIL_DEADLINE.contains(rule);
        int bothS = Math.max(2 * shortS, LEAST_FOR_BOTH_S);
        int patientS = ALSO_UNTIL_DEADLINE.contains(rule) ? bothS : PATIENCE_S;
        timeoutS = waits ? shortS : patientS;
        unclaimedS = waits ? 1 : patientS;
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
                "kv_buffer_size",
                BUFFER_BYTES,
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
                        timeoutS * 3 / 4.0,
                        "peer_timeout_s",
                        Math.max(timeoutS, LEAST_PEER_TIMEOUT_S),
                        "unclaimed_ttl_s",
                        unclaimedS));
    }

    @Override
    protected Duration transferDeadline() {
        return Duration.ofSeconds(timeoutS);
    }

    @Override
    protected Duration unclaimedTtl() {
        return Duration.ofSeconds(sendType == SendType.GET ? timeoutS : unclaimedS);
    }

    @Override
    protected Duration slack() {
        return SLACK;
    }

    // So that most of the suite's prompts leave in several chunks; rule 113 has other sizes.
    @Override
    protected int prefillChunk() {
        return 16;
    }
}
