// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.time.Duration;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One answer while it is written: decides when it ends, and passes text on. Belongs to the
 * scheduler's thread, and closes its picker at {@link #close}.
 */
final class RunningAnswer {

    /** Makes pickers as {@link io.kvlink.djl.engine.Decoder#newPicker} does. */
    interface Pickers {
        TokenPicker newPicker(SamplingParams params, int[] promptTokens, int[] enders);
    }

    private final GenerationRequest request;
    private final GenerationListener listener;
    private final ModelConfig model;
    private final Pickers pickers;
    // What may not come before min_tokens.
    private final int[] enders;
    private final AnswerText text;
    private final int maxTokens;
    private final long timeoutNs;

    // With the first row that wants one: the decoder's thread makes it.
    private @Nullable TokenPicker picker;
    private int tokens;
    private SampledToken last = new SampledToken(-1);
    private long firstTokenNs;
    private long lastTokenNs;
    private @Nullable FinishReason finish;

    RunningAnswer(
            GenerationRequest request,
            GenerationListener listener,
            ModelConfig model,
            AnswerText text,
            Pickers pickers,
            int maxTokens,
            Duration timeout) {
        this.request = request;
        this.listener = listener;
        this.model = model;
        this.pickers = pickers;
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

    /** Picks the answer's tokens. */
    TokenPicker picker() {
        TokenPicker known = picker;
        if (known == null) {
            known = pickers.newPicker(request.sampling(), request.promptTokens(), enders);
            picker = known;
        }
        return known;
    }

    /** Forgets all picks so far; no token was passed on yet. */
    void forgetPicks() {
        if (tokens > 0) {
            throw new IllegalStateException("tokens=%d were passed on".formatted(tokens));
        }
        close();
    }

    /** Gives the picker back; closing again does nothing. */
    void close() {
        TokenPicker known = picker;
        picker = null;
        if (known != null) {
            known.close();
        }
    }

    /** True if the token behind {@code picking} unknown ones may end the answer. */
    boolean mayEnd(int picking) {
        return tokens + picking + 1 >= request.minTokens();
    }

    /** True if a token may come behind {@code picking} unknown ones. */
    boolean goesOn(int picking) {
        return finish == null && tokens + picking < maxTokens;
    }

    /** Passes on a token that another instance picked with the same parameters. */
    void onHandedOver(SampledToken token, long nowNs) {
        picker().accept(token.id());
        onToken(token, nowNs);
    }

    /** Passes on a token that the picker has picked. */
    void onToken(SampledToken token, long nowNs) {
        if (tokens == 0) {
            firstTokenNs = nowNs;
        }
        lastTokenNs = nowNs;
        last = token;
        tokens++;
        int offset = text.offset();
        Piece piece = next(token.id());
        listener.onSampled(token, piece.text, offset);
        finish = piece.finish;
    }

    private record Piece(String text, @Nullable FinishReason finish) {}

    private Piece next(int token) {
        if (ends(token)) {
            return new Piece(text.finish(), FinishReason.STOP);
        }
        String piece = text.append(token);
        if (text.stopped()) {
            return new Piece(piece, FinishReason.STOP);
        }
        if (tokens < maxTokens) {
            return new Piece(piece, null);
        }
        String rest = text.finish();
        return new Piece(piece + rest, text.stopped() ? FinishReason.STOP : FinishReason.LENGTH);
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

    /** Time of the first token; 0 before. */
    long firstTokenNs() {
        return firstTokenNs;
    }

    long lastTokenNs() {
        return lastTokenNs;
    }

    /** Reason of the end, once the listener has heard the last token; null until then. */
    @Nullable FinishReason finish() {
        return finish;
    }
}
