// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.TinyCheckpoint.Shape;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NDArrayDecoderTest {
    private static final Shape SHAPE = new Shape(64, 96, 3, 4, 2, 16, false);
    private static final SamplingParams SEEDED = new SamplingParams(1.1, .95, 40, 7);
    private static final int[] NONE = {};

    @TempDir private Path directory;

    private NDArrayDecoder open(TinyCheckpoint checkpoint) throws IOException {
        Path model = checkpoint.write(directory, "F32");
        DecodeSettings settings = new DecodeSettings(DecodeBatch.EXACT, 8, 1);
        return NDArrayDecoder.open(
                DecoderSpec.onCpu(model, ModelConfig.read(model), settings, 512));
    }

    private static int[] tokens(int count, long seed) {
        return new Random(seed).ints(count, 0, Shape.VOCABULARY).toArray();
    }

    @Test
    void shouldPickTheSameTokensForChunksTogetherAsForEachAlone() throws IOException {
        try (NDArrayDecoder decoder = open(TinyCheckpoint.random(SHAPE, 31))) {
            List<int[]> prompts = List.of(tokens(40, 1), tokens(7, 2), tokens(1, 3));
            List<SampledToken> alone = new ArrayList<>();
            for (int[] prompt : prompts) {
                alone.addAll(prefill(decoder, List.of(prompt), LayerHook.NONE));
            }
            List<String> calls = new ArrayList<>();
            LayerHook hook =
                    new LayerHook() {
                        @Override
                        public void beforeAttention(int layer) {
                            calls.add("before " + layer);
                        }

                        @Override
                        public void afterLayer(int layer) {
                            calls.add("after " + layer);
                        }
                    };
            assertThat(prefill(decoder, prompts, hook)).isEqualTo(alone);
            assertThat(calls)
                    .containsExactlyElementsOf(
                            IntStream.range(0, 3)
                                    .boxed()
                                    .flatMap(
                                            layer ->
                                                    List.of("before " + layer, "after " + layer)
                                                            .stream())
                                    .toList());
        }
    }

    private static List<SampledToken> prefill(
            NDArrayDecoder decoder, List<int[]> prompts, LayerHook hook) {
        List<PromptChunk> chunks = new ArrayList<>();
        for (int[] prompt : prompts) {
            TokenPicker picker = decoder.newPicker(SEEDED, prompt, NONE);
            KvSlots slots = decoder.memory().allocate(prompt.length);
            chunks.add(new PromptChunk(slots, 0, prompt, picker, true));
        }
        List<SampledToken> picked = decoder.prefill(chunks, hook).await();
        chunks.forEach(chunk -> chunk.slots().release());
        return picked;
    }

    @Test
    void shouldGoOnFromTheTokenThatWasPicked() throws IOException {
        try (NDArrayDecoder decoder = open(TinyCheckpoint.random(SHAPE, 32))) {
            assertThat(answer(decoder, true)).isEqualTo(answer(decoder, false));
        }
    }

    private static List<Integer> answer(NDArrayDecoder decoder, boolean byName) {
        int[] prompt = tokens(9, 4);
        KvSlots slots = decoder.memory().allocate(32);
        TokenPicker picker = decoder.newPicker(SEEDED, prompt, NONE);
        List<Integer> answer = new ArrayList<>();
        PromptChunk chunk = new PromptChunk(slots, 0, prompt, picker, true);
        answer.add(decoder.prefill(List.of(chunk), LayerHook.NONE).await().get(0).id());
        for (int position = prompt.length; position < 24; position++) {
            int token = byName ? answer.get(answer.size() - 1) : DecodeRow.PICKED;
            DecodeRow row = new DecodeRow(slots, position, token, picker, true);
            answer.add(decoder.decode(List.of(row), LayerHook.NONE).await().get(0).id());
        }
        slots.release();
        return answer;
    }

    @Test
    void shouldPickNoEnderBeforeTheAnswerMayEnd() throws IOException {
        try (NDArrayDecoder decoder = open(TinyCheckpoint.random(SHAPE, 33))) {
            int[] prompt = tokens(9, 5);
            int best = greedy(decoder, prompt, NONE, true);
            int[] enders = {best};
            assertThat(greedy(decoder, prompt, enders, true)).isEqualTo(best);
            assertThat(greedy(decoder, prompt, enders, false)).isNotEqualTo(best);
        }
    }

    private static int greedy(NDArrayDecoder decoder, int[] prompt, int[] enders, boolean mayEnd) {
        KvSlots slots = decoder.memory().allocate(prompt.length);
        TokenPicker picker = decoder.newPicker(SamplingParams.GREEDY, prompt, enders);
        PromptChunk chunk = new PromptChunk(slots, 0, prompt, picker, mayEnd);
        int token = decoder.prefill(List.of(chunk), LayerHook.NONE).await().get(0).id();
        slots.release();
        return token;
    }

    @Test
    void shouldPickNothingOfARowWithoutLogits() throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(SHAPE, 34);
        // Token 5 spoils its own sequence.
        Arrays.fill(
                checkpoint.weights().get("model.embed_tokens.weight"),
                5 * SHAPE.hidden(),
                6 * SHAPE.hidden(),
                Float.NaN);
        try (NDArrayDecoder decoder = open(checkpoint)) {
            DecodeRow fine = row(decoder, 6);
            int alone = decoder.decode(List.of(fine), LayerHook.NONE).await().get(0).id();
            List<SampledToken> together =
                    decoder.decode(List.of(row(decoder, 5), row(decoder, 6)), LayerHook.NONE)
                            .await();
            assertThat(together).extracting(SampledToken::id).containsExactly(-1, alone);
        }
    }

    private static DecodeRow row(NDArrayDecoder decoder, int token) {
        TokenPicker picker = decoder.newPicker(SEEDED, NONE, NONE);
        return new DecodeRow(decoder.memory().allocate(1), 0, token, picker, true);
    }

    @Test
    void shouldThrowWhatPickingThrowsWhenThePicksAreAwaited() throws IOException {
        try (NDArrayDecoder decoder = open(TinyCheckpoint.random(SHAPE, 36))) {
            int[] outside = {Shape.VOCABULARY};
            TokenPicker failing = decoder.newPicker(SEEDED, NONE, outside);
            DecodeRow bad = new DecodeRow(decoder.memory().allocate(1), 0, 6, failing, false);
            Picks picks = decoder.decode(List.of(row(decoder, 6), bad), LayerHook.NONE);
            assertThatThrownBy(picks::await).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void shouldRefuseAPickedTokenWithoutAPicker() throws IOException {
        try (NDArrayDecoder decoder = open(TinyCheckpoint.random(SHAPE, 37))) {
            KvSlots slots = decoder.memory().allocate(1);
            DecodeRow row = new DecodeRow(slots, 0, DecodeRow.PICKED, null, true);
            assertThatThrownBy(() -> decoder.decode(List.of(row(decoder, 6), row), LayerHook.NONE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("position=0 token=PICKED picker=null");
        }
    }

    @Test
    void shouldRefuseWhatDoesNotFit() throws IOException {
        try (NDArrayDecoder decoder = open(TinyCheckpoint.random(SHAPE, 35));
                NDArrayDecoder another = open(TinyCheckpoint.random(SHAPE, 35))) {
            assertThat(decoder.maxBatch()).isEqualTo(8);
            assertThat(decoder.maxPrefill()).isEqualTo(512);
            assertThat(decoder.overlaps()).isFalse();
            assertThat(decoder.lost()).isEmpty();
            KvSlots slots = decoder.memory().allocate(16);
            DecodeRow row = new DecodeRow(slots, 0, 1, null, true);
            assertThatThrownBy(() -> decoder.decode(Collections.nCopies(9, row), LayerHook.NONE))
                    .hasMessage("rows=9 allowed=1..8");
            assertThatThrownBy(() -> decoder.decode(List.of(), LayerHook.NONE))
                    .hasMessage("rows=0 allowed=1..8");
            KvSlots foreign = another.memory().allocate(16);
            DecodeRow misplaced = new DecodeRow(foreign, 0, 1, null, true);
            assertThatThrownBy(() -> decoder.decode(List.of(misplaced), LayerHook.NONE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("slots of another pool");
        }
    }
}
