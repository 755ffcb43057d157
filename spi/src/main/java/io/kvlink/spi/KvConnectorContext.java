// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * Facts and services that an engine gives a connector.
 *
 * @param modelName what clients call the model; empty if the engine doesn't say
 * @param layout how the engine keeps KV
 * @param device where the engine computes; empty if KV lies in host memory
 * @param hostPools where received KV goes when the buffer is full; empty if no tensor pool is
 *     installed
 * @param prefillChunk tokens of a prompt that the engine computes in one step, counted from its
 *     first: a connector may hand KV over chunk by chunk; 0 if it computes prompts as a whole, or
 *     doesn't say. Steps may be larger or smaller all the same
 * @param wakeup called from any thread when a request that was told to {@link LoadDecision.AskAgain
 *     ask again} may now be answered, or something can be polled; must return at once
 */
public record KvConnectorContext(
        String modelName,
        KvLayout layout,
        Optional<KvDevice> device,
        Optional<HostPoolProvider> hostPools,
        int prefillChunk,
        Runnable wakeup) {

    public KvConnectorContext {
        if (prefillChunk < 0) {
            throw new IllegalArgumentException("prefillChunk=" + prefillChunk);
        }
    }

    /**
     * The context of an engine that doesn't say what its model is called. Parameters as above.
     *
     * @param layout how the engine keeps KV
     * @param device where the engine computes
     * @param hostPools the tensor pool
     * @param prefillChunk tokens of a prompt in one step
     * @param wakeup called from any thread
     */
    public KvConnectorContext(
            KvLayout layout,
            Optional<KvDevice> device,
            Optional<HostPoolProvider> hostPools,
            int prefillChunk,
            Runnable wakeup) {
        this("", layout, device, hostPools, prefillChunk, wakeup);
    }

    /**
     * Makes the context of an engine whose KV lies in host memory, without a chunk size for
     * prompts.
     *
     * @param layout how the engine keeps KV
     * @param hostPools the tensor pool, if one is installed
     * @param wakeup see above
     */
    public KvConnectorContext(
            KvLayout layout, Optional<HostPoolProvider> hostPools, Runnable wakeup) {
        this(layout, Optional.empty(), hostPools, 0, wakeup);
    }
}
