// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import io.kvlink.djl.sampling.SamplingParams;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The first token of an answer as it travels with the prompt's KV, little-endian:
 *
 * <pre>
 *  0        1                          9                 13                17       18
 *  +--------+--------------------------+-----------------+-----------------+--------+----------
 *  | version| what it was chosen by    | token           | log-probability | count  | count times
 *  +--------+--------------------------+-----------------+-----------------+--------+----------
 *                                                          token, log-probability: 8 bytes each
 * </pre>
 *
 * <p>The token is worth something only to a request that would have chosen it by the same
 * parameters. The seed doesn't count, as a request without one draws it at each instance.
 */
final class FirstToken {

    private static final byte VERSION = 1;
    private static final int FIXED_BYTES = 18;
    private static final int EACH_BYTES = 8;

    private FirstToken() {}

    /**
     * True if another instance may choose a request's first token. The one that computes the prompt
     * is asked for one token at most, so it doesn't know of a minimum.
     */
    static boolean mayTravel(GenerationRequest request) {
        return request.route().isPresent() && request.minTokens() <= 1;
    }

    static byte[] encode(SampledToken token, GenerationRequest chosenFor) {
        ByteBuffer out =
                ByteBuffer.allocate(FIXED_BYTES + token.top().size() * EACH_BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN);
        out.put(VERSION).putLong(parameters(chosenFor));
        out.putInt(token.id()).putFloat(token.logprob()).put((byte) token.top().size());
        for (TokenLogprob each : token.top()) {
            out.putInt(each.id()).putFloat(each.logprob());
        }
        return out.array();
    }

    /**
     * Reads what another instance wrote.
     *
     * @param bytes anything at all
     * @param wanted the request that would use it
     * @param vocabulary token ids are below it
     * @return the token; empty if it isn't one for this request
     */
    static Optional<SampledToken> decode(byte[] bytes, GenerationRequest wanted, int vocabulary) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        try {
            if (in.get() != VERSION || in.getLong() != parameters(wanted)) {
                return Optional.empty();
            }
            int id = id(in, vocabulary);
            float logprob = in.getFloat();
            int count = in.get();
            List<TokenLogprob> top = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                top.add(new TokenLogprob(id(in, vocabulary), in.getFloat()));
            }
            boolean whole = !in.hasRemaining() && count >= 0;
            return whole ? Optional.of(new SampledToken(id, logprob, top)) : Optional.empty();
        } catch (BufferUnderflowException | IllegalArgumentException malformed) {
            return Optional.empty();
        }
    }

    private static int id(ByteBuffer in, int vocabulary) {
        int id = in.getInt();
        if (id < 0 || id >= vocabulary) {
            throw new IllegalArgumentException("token=" + id);
        }
        return id;
    }

    /**
     * A number that differs, all but certainly, where the first token could be chosen otherwise.
     */
    private static long parameters(GenerationRequest request) {
        SamplingParams sampling = request.sampling();
        boolean mayEnd = request.minTokens() <= 1;
        String text =
                "%s %s %s %s %s %s %s %s %s %s %s %s"
                        .formatted(
                                sampling.temperature(),
                                sampling.topP(),
                                sampling.topK(),
                                sampling.minP(),
                                sampling.repetitionPenalty(),
                                sampling.presencePenalty(),
                                sampling.frequencyPenalty(),
                                new TreeMap<>(sampling.logitBias()),
                                sampling.logprobs(),
                                mayEnd,
                                request.ignoreEos(),
                                request.stopTokens());
        long number = 1125899906842597L;
        for (int i = 0; i < text.length(); i++) {
            number = 31 * number + text.charAt(i);
        }
        return number;
    }
}
