// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * What an engine gives a connector.
 *
 * @param layout how the engine keeps KV
 * @param hostPools where received KV goes when the buffer is full; empty if no tensor pool is
 *     installed
 * @param wakeup called from any thread when a request that was told to {@link LoadDecision.AskAgain
 *     ask again} may now be answered, or something can be polled; must return at once
 */
public record KvConnectorContext(
        KvLayout layout, Optional<HostPoolProvider> hostPools, Runnable wakeup) {}
