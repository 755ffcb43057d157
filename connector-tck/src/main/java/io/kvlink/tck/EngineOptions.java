// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Settings of a fake engine beside its KV.
 *
 * @param stepLimit the deadline of a step's waits
 * @param prefillChunk tokens of a prompt's chunk, for the connector's context; 0 for none
 * @param hostPool for the connector's context
 * @param onWakeup called by the connector's threads when the engine should look again
 */
public record EngineOptions(
        Duration stepLimit,
        int prefillChunk,
        Optional<HostPoolProvider> hostPool,
        Runnable onWakeup) {

    /** Context for the connector of an engine, which counts its wakeups. */
    KvConnectorContext context(KvLayout layout, Optional<KvDevice> device, AtomicInteger wakeups) {
        return KvConnectorContext.builder(
                        layout,
                        () -> {
                            wakeups.incrementAndGet();
                            onWakeup.run();
                        })
                .device(device)
                .hostPools(hostPool)
                .prefillChunk(prefillChunk)
                .build();
    }
}
