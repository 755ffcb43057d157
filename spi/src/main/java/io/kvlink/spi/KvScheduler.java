// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * The half of a connector that an engine's scheduler calls. One thread calls it, always the same,
 * and no method blocks or does input or output.
 */
public interface KvScheduler {

    /**
     * A request has arrived at the engine. A connector begins to expect or to fetch its KV here, so
     * that it may come before the request is scheduled.
     *
     * @param request the request; kept until {@link #onRequestFinished}
     */
    void onRequestAdded(KvRequest request);

    /**
     * How much of the prompt's KV can be loaded. Has no side effect and may be called often.
     *
     * @param request a request that was added
     * @param computedTokens tokens whose KV the engine has already, from 0
     * @return so many, not yet, or never
     */
    LoadDecision matchedTokens(KvRequest request, int computedTokens);

    /**
     * The engine has reserved blocks for a request.
     *
     * @param request a request that was added
     * @param blocks its blocks, for the whole prompt at least
     * @param loadTokens as many as {@link #matchedTokens} answered and the engine accepts; 0 if it
     *     computes the prompt itself
     */
    void onBlocksAllocated(KvRequest request, BlockTable blocks, int loadTokens);

    /**
     * Says what the workers have to do in the coming step.
     *
     * @param plan what the engine is going to compute
     * @return the work, for {@link KvWorker#startLoad}
     */
    StepMetadata buildStep(StepPlan plan);

    /**
     * A step is done, or nothing was to be computed.
     *
     * @param report what {@link KvWorker#pollFinished} returned
     */
    void onStepDone(WorkerReport report);

    /**
     * A request has ended, whatever the reason: finished, failed, or the client left. Nothing is
     * loaded for it after this.
     *
     * @param request a request that was added
     * @return who frees its blocks
     */
    BlockOwnership onRequestFinished(KvRequest request);
}
