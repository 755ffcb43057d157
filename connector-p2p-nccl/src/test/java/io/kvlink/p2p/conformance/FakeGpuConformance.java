// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.SendType;
import io.kvlink.p2p.TestConnectors;
import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.DeviceKvMemory;
import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvMemory;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;

/**
 * The conformance suite with KV on simulated GPUs, over the plane that copies into the receiver's
 * memory. Enqueued work runs late, in any order that is legal.
 */
abstract class FakeGpuConformance extends P2pConformance {

    private final FakeCuda cuda = new FakeCuda(2, 1);
    private final FakeProcess process = cuda.newProcess();
    private long lastStream = 1000;

    FakeGpuConformance(SendType sendType) {
        super(sendType, "cuda-ipc");
        cuda.stepsPerPoll(4);
        cuda.patienceMs(10_000);
    }

    @AfterEach
    void noAccessWasIllegal() {
        assertThat(cuda.failures()).isEmpty();
    }

    @Override
    protected KvConnectorProvider provider() {
        return TestConnectors.onFakeGpus(process);
    }

    @Override
    protected Map<String, Object> config(KvRole role) {
        Map<String, Object> config = new HashMap<>(super.config(role));
        config.put("kv_buffer_size", "4e6"); // A simulated GPU has 1 GiB, for all engines.
        return config;
    }

    @Override
    protected final KvMemory memory(KvRole role) {
        CudaDevice device = process.open(role.consumes() ? 1 : 0);
        lastStream++;
        return new DeviceKvMemory(device, device.stream(lastStream), lastStream, () -> {});
    }
}
