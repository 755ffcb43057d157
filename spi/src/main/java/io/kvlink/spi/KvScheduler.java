// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * The half of a connector that an engine's scheduler calls. One thread calls it, always the same,
 * and no method blocks or does input or output.
 */
public interface KvScheduler {

    /** No attachment is larger. */
    int MAX_ATTACHMENT_BYTES = 32 * 1024;

    /**
     * Announces a request that arrived at the engine. A connector begins to expect or to fetch its
     * KV here, so that it may come before the request is scheduled; its deadlines count from here.
     * Its role says whether it sends or receives, with {@link KvRole#BOTH} the addresses of the
     * route do. Nobody else compares addresses: KV for the wrong one fails at the deadline.
     *
     * @param request the request; kept until {@link #onRequestFinished}
     */
    void onRequestAdded(KvRequest request);

    /**
     * Tells how many of the prompt's tokens have KV that can be loaded. Has no side effect and may
     * be called often.
     *
     * @param request a request that was added
     * @param computedTokens tokens whose KV the engine has already, counted from the first
     * @return so many, not yet, or never; all of the prompt only if there is an {@link
     *     #attachment}, otherwise all but its last token at most
     */
    LoadDecision matchedTokens(KvRequest request, int computedTokens);

    /**
     * The engine has reserved blocks for a request. From here on the blocks that a load fills
     * belong to the connector, until a report names the request: in {@link WorkerReport#loaded}, in
     * {@link WorkerReport#failedLoads}, or in {@link WorkerReport#sent} if the request ended before
     * its load did and {@link #onRequestFinished} answered {@link BlockOwnership#CONNECTOR_OWNS}.
     *
     * @param request a request that was added
     * @param blocks its blocks, for the whole prompt at least
     * @param computedTokens tokens whose KV the engine has: the load begins with the next one
     * @param loadTokens as many as {@link #matchedTokens} answered for so many computed tokens, or
     *     fewer: the first of them, and the engine computes the rest. 0 if it computes all of the
     *     prompt; then what the connector kept for the request is let go
     */
    void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens);

    /**
     * Says what the workers have to do in the coming step.
     *
     * @param plan what the engine is going to compute
     * @return the work, for {@link KvWorker#startLoad}
     */
    StepMetadata buildStep(StepPlan plan);

    /**
     * A step is done or enqueued on the device's stream, or nothing was to be computed.
     *
     * @param report what {@link KvWorker#pollFinished} returned
     */
    void onStepDone(WorkerReport report);

    /**
     * Attaches a few bytes to a request's KV, for instance the first token of its answer. A
     * producer calls this at most once: after its prompt's last token is computed, or enqueued on a
     * device, and before {@link #onRequestFinished}. Without the call the KV goes alone. A
     * connector that knows no attachments, or doesn't send the request's KV, does nothing.
     *
     * @param request a request with {@link KvRequest#attachment}
     * @param content any bytes; copied
     * @throws IllegalArgumentException if they are more than {@link #MAX_ATTACHMENT_BYTES}, or the
     *     request is one without
     */
    default void attach(KvRequest request, byte[] content) {}

    /**
     * Bytes that came with a request's KV, at the consumer. Has no side effect.
     *
     * @param request a request with {@link KvRequest#attachment} for which {@link #matchedTokens}
     *     has just answered that it can be loaded
     * @return the bytes, a copy, if the load covers the prompt's last token; otherwise empty. Gone
     *     when the load is reported
     */
    default Optional<byte[]> attachment(KvRequest request) {
        return Optional.empty();
    }

    /**
     * The engine has generated tokens. Their KV is in the blocks as soon as a {@link
     * StepPlan.Entry#computedTokens} says so, and a connector with {@link
     * KvCapability#GENERATED_TOKENS} saves it. An engine that enqueues a step before it has the
     * last one's token tells that token a step later.
     *
     * @param request a request that was added
     * @param tokens the ids of the new tokens; they follow the prompt and those told before. Never
     *     changed after this
     */
    default void onTokensGenerated(KvRequest request, int[] tokens) {}

    /**
     * The engine takes a request's blocks away, to go on with it later. Its loads and saves end as
     * by {@link #onRequestFinished}, and its transfer isn't tried again. The engine computes the
     * prompt itself when it adds the request anew, under another id.
     *
     * @param request a request that was added
     * @return who frees its blocks
     */
    default BlockOwnership onRequestPreempted(KvRequest request) {
        return onRequestFinished(request);
    }

    /**
     * A request has ended, whatever the reason: finished, failed, or the client left. Nothing is
     * loaded for it after this.
     *
     * @param request a request that was added
     * @return who frees its blocks
     */
    BlockOwnership onRequestFinished(KvRequest request);
}
