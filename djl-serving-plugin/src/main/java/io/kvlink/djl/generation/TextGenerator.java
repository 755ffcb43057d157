// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.text.TokenText;
import io.kvlink.spi.HostPort;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Worker as the HTTP surface sees it. All methods may be called from any thread. */
public interface TextGenerator extends AutoCloseable {

    /** The name clients ask for. */
    String modelName();

    /** Most tokens a prompt and its answer may have together. */
    int contextLength();

    /** Most tokens a prompt may have, from 1. */
    int maxPromptTokens();

    /**
     * Most tokens that prompt and answer may have together if the client doesn't say: the context
     * length, or less if there is less memory.
     */
    int maxTokens();

    /** Most bytes of a prompt's text, in UTF-8; a longer one is refused before it is tokenised. */
    int maxPromptBytes();

    /** Most bytes of a request's body. */
    int maxRequestBytes();

    /** Values that hold unless the client says otherwise. */
    GenerationDefaults defaults();

    /** Template that turns a chat into a prompt; empty if the model has none. */
    Optional<ChatTemplate> chatTemplate();

    /**
     * Turns text into token ids.
     *
     * @param text a prompt
     * @param special whether special tokens are added as the tokenizer's file says
     * @throws GenerationException if the worker is closed
     */
    int[] encode(String text, boolean special);

    /** Turns a prompt into token ids, special tokens added as the tokenizer's file says. */
    default int[] encode(String text) {
        return encode(text, true);
    }

    /**
     * Turns a prompt's tokens into text, without special tokens.
     *
     * @throws GenerationException if the worker is closed
     */
    String decode(int... tokens);

    /**
     * End of a prompt's text that its answer may still change, as it is or could become half a
     * character; empty for most prompts.
     *
     * @throws GenerationException if the worker is closed
     */
    String uncertain(int... prompt);

    /**
     * One token by itself, as log-probabilities show it.
     *
     * @throws GenerationException if the worker is closed
     */
    TokenText tokenText(int token);

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

    /** Work of the worker at this moment. */
    WorkerStatus status();

    /** Address that peers reach the connector at; empty without one. */
    Optional<HostPort> kvAddress();

    /**
     * Says whether new requests should come here, if the worker takes any; a proxy hears of it.
     * They should until this says otherwise.
     */
    void announce(boolean wanted);

    /**
     * Takes no new request from now on, and lets the connector tell so. Running answers go on, and
     * peers may read the KV that they were promised.
     *
     * @return completed on any thread when nothing is left to be done, or the worker has ended; the
     *     caller sets a limit of {@link #drainLimit} and closes then. The same one each time
     */
    CompletableFuture<@Nullable Void> drain();

    /** Time that {@link #drain} may take. */
    Duration drainLimit();

    /** Tells whether the worker lives and is ready. Never waits. */
    WorkerHealth health();

    /** The worker's figures, for {@code /metrics}. */
    PrometheusRegistry metrics();

    /** Ends all requests as failed, closes the connector, frees the model. Twice does nothing. */
    @Override
    void close();
}
