// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;

/** KV slots of a decoder that come, grow, are copied and go. */
public final class SlotRun implements AutoCloseable {
    private static final ModelShape SHAPE = ModelShape.HEADS_OF_32_TIED;
    private static final DecodeSettings SETTINGS = new DecodeSettings(DecodeBatch.EXACT, 4, 1);
    private static final SamplingParams GREEDY = SamplingParams.GREEDY.withLogprobs(20);
    private static final int FILLED = 40;

    private final Decoder decoder;
    private final KvMemory memory;
    private final int[] tokens = new Random(8).ints(FILLED, 0, SHAPE.vocabulary()).toArray();

    private SlotRun(Decoder decoder) {
        this.decoder = decoder;
        this.memory = decoder.memory();
    }

    /** Opens a decoder of a small float32 model. */
    public static SlotRun open(Decoders decoders, Path directory) {
        return new SlotRun(decoders.open(SHAPE.checkpoint(), directory, SETTINGS, 640));
    }

    /** Takes all there is, gives it back, and takes it again. */
    public void assertThatAllComesBack() {
        for (int round = 0; round < 3; round++) {
            List<KvSlots> held = new ArrayList<>();
            for (KvSlots slots = memory.allocate(100); slots != null; ) {
                held.add(slots);
                slots = memory.allocate(100);
            }
            assertThat(held).hasSize(memory.totalBlocks() / KvMemory.blocksFor(100));
            assertThat(memory.freeBlocks()).isLessThan(KvMemory.blocksFor(100));
            KvSlots last = held.get(held.size() - 1);
            int tooMany = last.capacity() + memory.freeBlocks() * KvMemory.BLOCK_TOKENS + 1;
            assertThat(memory.grow(last, tooMany, 0)).isNull();
            assertThat(memory.copy(last, 100, 0)).isNull();
            held.forEach(KvSlots::release);
            assertThat(memory.usedBlocks()).isZero();
            assertThatThrownBy(last::release).isInstanceOf(IllegalStateException.class);
        }
    }

    /** Goes on after each change as without it. */
    public void assertThatKvIsKept() {
        KvSlots slots = Objects.requireNonNull(memory.allocate(FILLED));
        prefill(slots);
        // Takes the block behind.
        KvSlots other = Objects.requireNonNull(memory.allocate(FILLED));
        SampledToken wanted = next(slots, 3);
        KvSlots copy = Objects.requireNonNull(memory.copy(slots, 100, FILLED));
        assertThat(copy.capacity()).isGreaterThanOrEqualTo(100);
        assertThat(next(copy, 3)).isEqualTo(wanted);
        assertThat(next(copy, 4)).isNotEqualTo(wanted);
        // What is written to one of them is not seen in the other.
        overwrite(slots);
        assertThat(next(copy, 3)).isEqualTo(wanted);
        assertThat(next(slots, 3)).isNotEqualTo(wanted);

        KvSlots grown = Objects.requireNonNull(memory.grow(copy, 200, FILLED));
        assertThat(grown.capacity()).isGreaterThanOrEqualTo(200);
        assertThat(next(grown, 3)).isEqualTo(wanted);
        assertThatThrownBy(copy::release).isInstanceOf(IllegalStateException.class);
        slots.release();
        other.release();
        assertThat(memory.usedBlocks()).isEqualTo(grown.blocks());
        assertThat(next(grown, 3)).isEqualTo(wanted);
        grown.release();
        assertThat(memory.usedBlocks()).isZero();
    }

    private void prefill(KvSlots slots) {
        PromptChunk chunk = new PromptChunk(slots, 0, tokens, null, true);
        assertThat(decoder.prefill(List.of(chunk), LayerHook.NONE).await()).containsOnlyNulls();
    }

    private void overwrite(KvSlots slots) {
        PromptChunk chunk = new PromptChunk(slots, 8, new int[] {1, 2, 3, 4}, null, true);
        assertThat(decoder.prefill(List.of(chunk), LayerHook.NONE).await()).containsOnlyNulls();
    }

    private SampledToken next(KvSlots slots, int token) {
        try (TokenPicker picker = decoder.newPicker(GREEDY, tokens, new int[0])) {
            DecodeRow row = new DecodeRow(slots, FILLED, token, picker, true);
            return decoder.decode(List.of(row), LayerHook.NONE).await().get(0);
        }
    }

    @Override
    public void close() {
        decoder.close();
    }
}
