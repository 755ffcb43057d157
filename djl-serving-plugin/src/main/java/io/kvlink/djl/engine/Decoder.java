// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.djl.sampling.SamplingParams;
import java.util.List;
import java.util.Optional;

/**
 * A loaded model that computes KV and picks tokens. One thread makes all calls but {@link #lost},
 * {@link #memory} and the limits. It closes the decoder after the connector that was told of the
 * memory.
 *
 * <p>Calls take effect in their order. If {@link #overlaps} is true, {@link #prefill} and {@link
 * #decode} return before anything is computed. All is enqueued on the stream of {@link
 * KvMemory#device}, and {@link Picks#await} waits. So KV blocks of a call may change hands when its
 * picks were awaited, or by work that is enqueued on that stream.
 *
 * <p>A call that throws an {@link IllegalArgumentException} of its own has enqueued nothing, and no
 * picker has drawn. If {@link #overlaps} is false, no picker has drawn whatever a call throws.
 * Failures of picking are thrown by {@link Picks#await}. Otherwise the state of a picker is unknown
 * after a call or an await that threw: it is used no more.
 */
public interface Decoder extends AutoCloseable {

    /** The KV memory that this decoder reads and writes. */
    KvMemory memory();

    /** Most rows of one {@link #decode}, and most chunks of one {@link #prefill}. */
    int maxBatch();

    /** Most tokens of one {@link #prefill}, of all its chunks together. */
    int maxPrefill();

    /** True if calls return before the work is done, so that the next may be made meanwhile. */
    boolean overlaps();

    /**
     * The picker of one answer's tokens.
     *
     * @param params how tokens are picked
     * @param promptTokens looked at by the repetition penalty; borrowed for this call
     * @param enders tokens that aren't picked where a row says {@code mayEnd == false}; borrowed
     *     for this call
     * @return closed by the caller, after the picks of its last row were awaited
     */
    TokenPicker newPicker(SamplingParams params, int[] promptTokens, int[] enders);

    /**
     * Computes chunks of prompts: their K and V are written in place.
     *
     * @param chunks of different sequences, 1 to {@link #maxBatch}, at most {@link #maxPrefill}
     *     tokens together
     * @param hook called once a layer, for all of them
     * @return a token of each chunk that has a picker
     * @throws IllegalArgumentException if a chunk does not fit its slots, the context or the
     *     vocabulary; nothing was enqueued then, and no picker has drawn
     */
    Picks prefill(List<PromptChunk> chunks, LayerHook hook);

    /**
     * Computes the next token of several sequences; their K and V are written in place.
     *
     * @param rows of different sequences, 1 to {@link #maxBatch}
     * @param hook called once a layer, for all of them
     * @return a token of each row that has a picker
     * @throws IllegalArgumentException if a row does not fit its slots, the context or the
     *     vocabulary, or a row names a picked token without a picker; nothing was enqueued then,
     *     and no picker has drawn
     */
    Picks decode(List<DecodeRow> rows, LayerHook hook);

    /**
     * Reason why nothing can be computed any more, such as a lost device; empty while all is well.
     */
    Optional<String> lost();

    /** Frees the weights and the KV memory; closing again does nothing. */
    @Override
    void close();
}
