// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.SendType;
import io.kvlink.spi.KvRole;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Instances that see one GPU each, as containers do: the driver maps memory of a hidden one too.
 */
final class VisibleGpusGpuIT extends NodeCases {

    private static final int BLOCKS = 128;
    private static final int TOKENS = 500;

    VisibleGpusGpuIT() {
        super("auto", 2, Duration.ofSeconds(20));
    }

    @Test
    void cudaIpcLeadsToAGpuThatIsHidden() throws IOException {
        assertThat(planes("0", "1")).isEqualTo("LOADED cuda-ipc, SENT cuda-ipc");
    }

    @Test
    void cudaIpcLeadsToTheSameGpu() throws IOException {
        assertThat(planes("0", "0")).isEqualTo("LOADED cuda-ipc, SENT cuda-ipc");
    }

    @Test
    void cudaIpcLeadsToAGpuThatBothSee() throws IOException {
        assertThat(planes("0,1", "1,0")).isEqualTo("LOADED cuda-ipc, SENT cuda-ipc");
    }

    /** Planes of a transfer between two processes that each compute on the first GPU they see. */
    private String planes(String producerSees, String consumerSees) throws IOException {
        NodeProcess consumer = opened(KvRole.CONSUMER, consumerSees);
        NodeProcess producer = opened(KvRole.PRODUCER, producerSees);
        String id = hop(producer, consumer, TOKENS);
        return plane(end(consumer, id)) + ", " + plane(end(producer, id));
    }

    private NodeProcess opened(KvRole role, String sees) throws IOException {
        NodeProcess.Setup setup =
                new NodeProcess.Setup(
                        SendType.PUT_ASYNC, "auto", 0, BLOCKS, Duration.ofSeconds(20));
        return start(Map.of("CUDA_VISIBLE_DEVICES", sees)).open(role, setup, 0);
    }

    // Without the number of bytes.
    private static String plane(String end) {
        return end.startsWith("FAILED") ? end : end.substring(0, end.lastIndexOf(' '));
    }
}
