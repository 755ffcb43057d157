// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** What the HTTP surface needs of a worker. All methods may be called from any thread. */
public interface TextGenerator extends AutoCloseable {

    /** The name clients ask for. */
    String modelName();

    /** Most tokens a prompt and its answer may have together. */
    int contextLength();

    /**
     * Turns text into token ids, special tokens added as the tokenizer's file says.
     *
     * @param text a prompt
     */
    int[] encode(String text);

    /**
     * Queues a prompt. Doesn't wait.
     *
     * @param request what to generate
     * @param listener told of each token and of the end, on the worker's thread, so it must not
     *     block; exactly one of its ending methods is called, unless this method throws
     * @return to cancel it
     * @throws GenerationException if it can't be accepted: the listener isn't called then
     */
    Generation submit(GenerationRequest request, GenerationListener listener);

    /** What the worker is doing. */
    WorkerStatus status();

    /** The worker's figures, for {@code /metrics}. */
    PrometheusRegistry metrics();

    /** Ends all requests as failed, closes the connector, frees the model. Twice does nothing. */
    @Override
    void close();
}
