// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The tokens of one step, read from the structs {@code Picked}. The decoder's thread. */
final class CudaPicks implements Picks {
    /** Bytes of a struct. */
    static final int BYTES = 176;

    private static final int TOKENS_AT = 16;
    private static final int LOGPROBS_AT = 96;

    private final StepRing.Entry entry;
    private final List<@Nullable Asked> asked;
    private @Nullable List<@Nullable SampledToken> read;

    /**
     * A token that a step picks.
     *
     * @param place of its struct in the output
     * @param logprobs alternatives that are told of; below 0 for no log-probabilities
     */
    record Asked(int place, int logprobs) {}

    /** Makes the picks of a step, with each row's wishes; null for a row without a picker. */
    CudaPicks(StepRing.Entry entry, List<@Nullable Asked> asked) {
        this.entry = entry;
        this.asked = asked;
    }

    @Override
    public List<@Nullable SampledToken> await() {
        if (read == null) {
            entry.await();
            read();
        }
        return Objects.requireNonNull(read);
    }

    /** Reads what the device wrote: the step is done. */
    void read() {
        if (read != null) {
            return;
        }
        List<@Nullable SampledToken> tokens = new ArrayList<>(asked.size());
        ByteBuffer output = entry.output();
        for (Asked each : asked) {
            tokens.add(each == null ? null : token(output, each));
        }
        read = tokens;
    }

    private static SampledToken token(ByteBuffer from, Asked asked) {
        int at = asked.place() * BYTES;
        int id = from.getInt(at);
        if (asked.logprobs() < 0 || id < 0) {
            return new SampledToken(id);
        }
        int count = Math.min(asked.logprobs(), from.getInt(at + 2 * Integer.BYTES));
        TokenLogprob[] top = new TokenLogprob[count];
        for (int i = 0; i < count; i++) {
            top[i] =
                    new TokenLogprob(
                            from.getInt(at + TOKENS_AT + i * Integer.BYTES),
                            from.getFloat(at + LOGPROBS_AT + i * Float.BYTES));
        }
        return new SampledToken(id, from.getFloat(at + Integer.BYTES), Arrays.asList(top));
    }
}
