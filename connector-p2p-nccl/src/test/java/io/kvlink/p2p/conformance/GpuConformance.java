// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.SendType;
import io.kvlink.p2p.internal.cuda.DeviceKvMemory;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.planes.Gpus;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvMemory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;

/**
 * The conformance suite with KV on GPUs. Producers are on GPU 0, consumers on GPU 1, or all on one
 * if the plane can do with that. A computation that lags is a kernel that spins for 50 ms.
 */
abstract class GpuConformance extends P2pConformance {

    // A device's context takes long to make, and lives as long as somebody has the device open.
    private static final List<DriverDevice> kept = new ArrayList<>();

    private final int gpus;
    private int ofBothRoles;

    /**
     * The suite over one plane.
     *
     * @param gpus how many GPUs the plane needs
     */
    GpuConformance(SendType sendType, String dataPlane, int timeoutS, int gpus) {
        super(sendType, dataPlane, timeoutS);
        this.gpus = gpus;
    }

    @AfterAll
    static void letContextsGo() {
        kept.forEach(DriverDevice::close);
        kept.clear();
    }

    @BeforeEach
    final void needGpus() {
        Gpus.assume(gpus);
        for (int ordinal = kept.size(); ordinal < DriverDevice.count(); ordinal++) {
            kept.add(DriverDevice.open(ordinal));
        }
    }

    @Override
    protected final KvMemory memory(KvRole role) {
        // Two that both send and receive are on two GPUs as well.
        boolean first = role == KvRole.BOTH && ofBothRoles++ % 2 == 0;
        return DeviceKvMemory.of(Gpus.of(first ? KvRole.PRODUCER : role));
    }
}
