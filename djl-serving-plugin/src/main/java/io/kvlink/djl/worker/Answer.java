// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.model.ModelConfig;
import io.kvlink.djl.model.Sampler;
import io.kvlink.djl.worker.GenerationResult.FinishReason;
import org.jspecify.annotations.Nullable;

/**
 * One answer while it is written: samples, decides when it ends, and passes text on. Belongs to the
 * scheduler's thread.
 */
final class Answer {

    private final GenerationRequest request;
    private final GenerationListener listener;
    private final ModelConfig model;
    private final Sampler sampler;
    private final AnswerText text;
    private final int maxTokens;

    private int tokens;
    private int lastToken = -1;
    private long firstTokenNs;
    private long lastTokenNs;
    private @Nullable FinishReason finish;

    Answer(
            GenerationRequest request,
            GenerationListener listener,
            ModelConfig model,
            AnswerText text,
            int maxTokens) {
        this.request = request;
        this.listener = listener;
        this.model = model;
        this.sampler = new Sampler(request.sampling());
        this.text = text;
        this.maxTokens = maxTokens;
    }

    /** Chooses the next token and passes it on. */
    void onLogits(float[] logits, long nowNs) {
        boolean mayEnd = tokens + 1 >= request.minTokens();
        if (!mayEnd && !request.ignoreEos()) {
            forbidEos(logits);
        }
        int token = sampler.next(logits);
        if (tokens == 0) {
            firstTokenNs = nowNs;
        }
        lastTokenNs = nowNs;
        lastToken = token;
        tokens++;
        listener.onToken(token, nextText(token));
    }

    private String nextText(int token) {
        if (!request.ignoreEos() && model.isEos(token)) {
            finish = FinishReason.STOP;
            return text.finish();
        }
        String piece = text.append(token);
        if (tokens == maxTokens && !text.stopped()) {
            finish = FinishReason.LENGTH;
            piece += text.finish();
        }
        if (text.stopped()) {
            finish = FinishReason.STOP;
        }
        return piece;
    }

    private void forbidEos(float[] logits) {
        for (int eos : model.eosTokens()) {
            logits[eos] = Float.NEGATIVE_INFINITY;
        }
    }

    GenerationRequest request() {
        return request;
    }

    GenerationListener listener() {
        return listener;
    }

    int tokens() {
        return tokens;
    }

    int lastToken() {
        return lastToken;
    }

    /** When the first token was there; 0 before. */
    long firstTokenNs() {
        return firstTokenNs;
    }

    long lastTokenNs() {
        return lastTokenNs;
    }

    /** Why it ended; null as long as it didn't. */
    @Nullable FinishReason finish() {
        return finish;
    }
}
