// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Chunks of a prompt of 50 tokens, and the steps in which they leave. */
class ChunkPlanTest {

    private static final int TOKENS = 50;
    private static final BlockTable BLOCKS = BlockTable.range(0, 4);

    @ParameterizedTest
    @CsvSource({
        // As it is computed, in whole chunks of what the engine named.
        "16, false, 16 32 48 50, 0..16 16..32 32..48 48..49",
        "16, false, 16 32 49 50, 0..16 16..32 32..49 -",
        "16, false, 10 20 40 50, - 0..16 16..32 32..49",
        "16, false, 50, 0..49",
        "16, true, 16 32 49 50, 0..16 16..32 32..49 49..50",
        "16, true, 16 50, 0..16 16..50",
        // All at once.
        "0, false, 16 32 49 50, - - 0..49 -",
        "0, true, 16 32 49 50, - - 0..49 49..50",
        "100, false, 16 50, - 0..49"
    })
    void shouldLeaveAsSoonAsItIsComputed(
            int chunk, boolean attachment, String computed, String leaves) {
        try (KvConnector connector = connector(chunk)) {
            KvRequest request = request(connector.address().orElseThrow(), attachment);
            connector.scheduler().onRequestAdded(request);
            StringBuilder left = new StringBuilder();
            int from = 0;
            for (String to : computed.split(" ", -1)) {
                int scheduled = Integer.parseInt(to) - from;
                StepPlan.Entry entry = StepPlan.entry(request, BLOCKS, from, scheduled);
                StepMetadata step = connector.scheduler().buildStep(StepPlan.of(List.of(entry)));
                left.append(left.isEmpty() ? "" : " ").append(saves(step));
                from = Integer.parseInt(to);
            }
            assertThat(left).hasToString(leaves);
        }
    }

    private static String saves(StepMetadata step) {
        assertThat(step.loads()).isEmpty();
        assertThat(step.saves()).hasSizeLessThan(2);
        return step.saves().isEmpty()
                ? "-"
                : step.saves().get(0).fromToken() + ".." + step.saves().get(0).toToken();
    }

    private static KvRequest request(HostPort prefill, boolean attachment) {
        TransferRoute route =
                new TransferRoute(prefill, new HostPort("127.0.0.1", 9), new TransferId(1, 2, 0));
        return KvRequest.builder("r", new int[TOKENS]).route(route).attachment(attachment).build();
    }

    private static KvConnector connector(int prefillChunk) {
        Map<String, Object> json =
                Map.of(
                        "kv_connector",
                        P2pNcclConnectorProvider.NAME,
                        "kv_role",
                        "kv_producer",
                        "kv_port",
                        0,
                        "kv_connector_extra_config",
                        Map.of("data_plane", "loopback"));
        KvConnectorContext context =
                KvConnectorContext.builder(KvLayout.single("m", 2, 1, 4, DType.F32, 16), () -> {})
                        .prefillChunk(prefillChunk)
                        .build();
        return new P2pNcclConnectorProvider().create(KvTransferConfig.of(json), context);
    }
}
