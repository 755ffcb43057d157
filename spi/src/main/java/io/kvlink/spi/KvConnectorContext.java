// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * What an engine gives a connector.
 *
 * @param layout how the engine keeps KV
 * @param device where the engine computes; empty if KV lies in host memory
 * @param hostPools where received KV goes when the buffer is full; empty if no tensor pool is
 *     installed
 * @param wakeup called from any thread when a request that was told to {@link LoadDecision.AskAgain
 *     ask again} may now be answered, or something can be polled; must return at once
 */
public record KvConnectorContext(
        KvLayout layout,
        Optional<KvDevice> device,
        Optional<HostPoolProvider> hostPools,
        Runnable wakeup) {

    /**
     * The context of an engine whose KV lies in host memory.
     *
     * @param layout how the engine keeps KV
     * @param hostPools the tensor pool, if one is installed
     * @param wakeup see above
     */
    public KvConnectorContext(
            KvLayout layout, Optional<HostPoolProvider> hostPools, Runnable wakeup) {
        this(layout, Optional.empty(), hostPools, wakeup);
    }
}
