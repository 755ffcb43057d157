// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.sampling.SplitMix;
import java.nio.ByteBuffer;

/**
 * One answer's picker: its parameters and random numbers are here, its counts, biases and enders on
 * the device. The decoder's thread.
 */
final class CudaPicker implements TokenPicker {
    private static final int SLOT_AT = 84;

    private final Pickers pickers;
    private final SamplingParams params;
    private final SplitMix random;
    private final int index;
    private final Pickers.Lists lists;
    private boolean closed;

    CudaPicker(Pickers pickers, SamplingParams params, int index, Pickers.Lists lists) {
        this.pickers = pickers;
        this.params = params;
        this.random = new SplitMix(params.seed());
        this.index = index;
        this.lists = lists;
    }

    /** Index of its last token in the device's memory. */
    int index() {
        return index;
    }

    int logprobs() {
        return params.logprobs();
    }

    /** Writes a struct {@code RowSampling} for the next token, and takes its random number. */
    void write(ByteBuffer to, int logitsRow, boolean mayEnd) {
        to.putLong(lists.counts())
                .putLong(lists.biases())
                .putLong(lists.enders())
                .putDouble(params.greedy() ? 0 : random.next())
                .putDouble(params.greedy() ? 0 : params.temperature())
                .putDouble(params.topP())
                .putDouble(params.minP())
                .putInt(params.topK())
                .putInt(lists.biasCount())
                .putInt(mayEnd ? 0 : lists.enderCount())
                .putFloat((float) params.repetitionPenalty())
                .putFloat((float) params.presencePenalty())
                .putFloat((float) params.frequencyPenalty())
                .putInt(params.logprobs())
                .putInt(index)
                .putInt(logitsRow)
                .putInt(0);
    }

    /** Writes a struct that picks nothing. */
    static void writeNone(ByteBuffer to) {
        int start = to.position();
        for (int i = 0; i < StepLayout.SAMPLING_BYTES / Integer.BYTES; i++) {
            to.putInt(0);
        }
        to.putInt(start + SLOT_AT, -1);
    }

    @Override
    public void accept(int token) {
        if (!params.greedy()) {
            random.next();
        }
        pickers.accept(index, lists, token);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            pickers.giveBack(index, lists);
        }
    }
}
