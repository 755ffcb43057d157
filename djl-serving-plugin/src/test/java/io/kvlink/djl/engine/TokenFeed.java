// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A sequence of known tokens on its way through a decoder: what is fed doesn't depend on what is
 * picked. The decoder's thread.
 */
public final class TokenFeed implements AutoCloseable {
    private static final SamplingParams GREEDY =
            SamplingParams.GREEDY.withLogprobs(SamplingParams.MAX_LOGPROBS);
    private static final int[] NO_ENDERS = {};

    private final Decoder decoder;
    private final int[] tokens;
    private final TokenPicker picker;
    private final KvSlots slots;
    private int position;

    /** Takes slots for all tokens; the most likely ones are picked, with log-probabilities. */
    public TokenFeed(Decoder decoder, int... tokens) {
        this(decoder, GREEDY, tokens);
    }

    /** Takes slots for all tokens. */
    public TokenFeed(Decoder decoder, SamplingParams params, int... tokens) {
        this.decoder = decoder;
        this.tokens = tokens;
        this.picker = decoder.newPicker(params, tokens, NO_ENDERS);
        this.slots =
                Objects.requireNonNull(decoder.memory().allocate(tokens.length), "no slots left");
    }

    /** Tokens that were fed. */
    public int position() {
        return position;
    }

    /** Tokens that are left. */
    public int left() {
        return tokens.length - position;
    }

    /** The next tokens, and whether one is picked behind them. */
    public PromptChunk chunk(int count, boolean picks) {
        int[] part = Arrays.copyOfRange(tokens, position, position + count);
        PromptChunk chunk = new PromptChunk(slots, position, part, picks ? picker : null, true);
        position += count;
        return chunk;
    }

    /** The next token. */
    public DecodeRow row() {
        return new DecodeRow(slots, position, tokens[position++], picker, true);
    }

    /** Goes back, to feed tokens again. */
    public void back(int count) {
        position -= count;
    }

    /** Feeds tokens in chunks, nobody else's beside them; what is picked behind the last one. */
    public SampledToken prefill(int count, int chunk) {
        SampledToken picked = null;
        for (int end = position + count; position < end; ) {
            int next = Math.min(chunk, end - position);
            List<PromptChunk> chunks = List.of(chunk(next, position + next == end));
            picked = decoder.prefill(chunks, LayerHook.NONE).await().get(0);
        }
        return Objects.requireNonNull(picked, "no token");
    }

    /** Feeds the next token, nobody else's beside it. */
    public SampledToken decode() {
        return decoder.decode(List.of(row()), LayerHook.NONE).await().get(0);
    }

    @Override
    public void close() {
        picker.close();
        slots.release();
    }
}
