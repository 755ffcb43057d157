// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.HostPoolProvider;
import java.time.Duration;
import java.util.Optional;

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
        Runnable onWakeup) {}
