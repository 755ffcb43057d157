// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.Sampler;
import io.kvlink.djl.sampling.SamplingSpace;
import io.kvlink.djl.worker.GenerationResult.FinishReason;
import java.time.Duration;
import java.util.stream.IntStream;
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
    // What may not come before min_tokens.
    private final int[] enders;
    private final AnswerText text;
    private final int maxTokens;
    private final long timeoutNs;

    private int tokens;
    private SampledToken last = new SampledToken(-1);
    private long firstTokenNs;
    private long lastTokenNs;
    private @Nullable FinishReason finish;

    Answer(
            GenerationRequest request,
            GenerationListener listener,
            ModelConfig model,
            AnswerText text,
            SamplingSpace space,
            int maxTokens,
            Duration timeout) {
        this.request = request;
        this.listener = listener;
        this.model = model;
        this.sampler = new Sampler(request.sampling(), request.promptTokens(), space);
        this.enders = enders(request, model);
        this.text = text;
        this.maxTokens = maxTokens;
        this.timeoutNs =
                request.timeout()
                        .filter(own -> own.compareTo(timeout) < 0)
                        .orElse(timeout)
                        .toNanos();
    }

    private static int[] enders(GenerationRequest request, ModelConfig model) {
        IntStream own = request.stopTokens().stream().mapToInt(Integer::intValue);
        IntStream eos =
                request.ignoreEos()
                        ? IntStream.empty()
                        : model.eosTokens().stream().mapToInt(Integer::intValue);
        return IntStream.concat(own, eos).filter(id -> id < model.vocabSize()).toArray();
    }

    /** Chooses the next token and passes it on; the logits are changed. */
    void onLogits(float[] logits, long nowNs) {
        boolean mayEnd = tokens + 1 >= request.minTokens();
        pass(mayEnd ? sampler.sample(logits) : sampler.sample(logits, enders), nowNs);
    }

    /** Passes on a token that another instance chose with the same parameters. */
    void onToken(SampledToken token, long nowNs) {
        sampler.accept(token.id());
        pass(token, nowNs);
    }

    private void pass(SampledToken token, long nowNs) {
        if (tokens == 0) {
            firstTokenNs = nowNs;
        }
        lastTokenNs = nowNs;
        last = token;
        tokens++;
        int offset = text.offset();
        listener.onSampled(token, nextText(token.id()), offset);
    }

    private String nextText(int token) {
        if (ends(token)) {
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

    private boolean ends(int token) {
        return request.stopTokens().contains(token) || (!request.ignoreEos() && model.isEos(token));
    }

    /** Longest time from its submission to its end. */
    long timeoutNs() {
        return timeoutNs;
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
        return last.id();
    }

    /** The latest token as it was passed on. */
    SampledToken last() {
        return last;
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
