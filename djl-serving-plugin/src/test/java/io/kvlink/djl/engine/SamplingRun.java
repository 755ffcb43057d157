// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.Sampler;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.sampling.SamplingSpace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Tokens that a decoder's pickers pick, compared with the host's sampler on the reference. */
public final class SamplingRun implements AutoCloseable {
    private static final ModelShape SHAPE = ModelShape.HEADS_OF_16;
    private static final DecodeSettings SETTINGS = new DecodeSettings(DecodeBatch.FAST, 16, 1);
    private static final double TOLERANCE = 1e-4;
    private static final int PROMPT = 12;
    private static final int ANSWER = 40;
    // Before that step no answer may end.
    private static final int MAY_END = 25;
    private static final int[] NO_ENDERS = {};

    private final Decoder decoder;
    private final ReferenceLlama reference;

    private SamplingRun(Decoder decoder, ReferenceLlama reference) {
        this.decoder = decoder;
        this.reference = reference;
    }

    /** Opens a decoder of a small float32 model. */
    public static SamplingRun open(Decoders decoders, Path directory) {
        TinyCheckpoint checkpoint = SHAPE.checkpoint();
        Decoder decoder =
                decoders.open(checkpoint, directory, SETTINGS, 64 * KvMemory.BLOCK_TOKENS);
        ModelConfig config = ModelConfig.parse(checkpoint.configJson(), null);
        return new SamplingRun(decoder, new ReferenceLlama(config, checkpoint.weights()));
    }

    /** Draws one token again and again, in one batch for all settings. */
    public void assertDistributions(int draws) {
        int token = 7;
        double[] logits = reference.logits(new int[] {token});
        int best = best(logits);
        List<SamplingParams> settings =
                List.of(
                        sampling(1, 1, 0, 0),
                        sampling(.6, 1, 0, 0),
                        sampling(1.5, 1, 5, 0),
                        sampling(1, .7, 0, 0),
                        sampling(1, 1, 0, .2),
                        sampling(.9, .8, 20, .05),
                        sampling(1.2, .9, 1000, 0),
                        biased(1, 1, 0, Map.of(best, -2f, 3, 3f)),
                        biased(.8, .9, 30, Map.of(4, 2.5f)));
        List<DrawCount> counts =
                settings.stream().map(each -> new DrawCount(each, logits)).toList();
        List<DecodeRow> rows = new ArrayList<>();
        for (SamplingParams params : settings) {
            TokenPicker picker = decoder.newPicker(params, NO_ENDERS, NO_ENDERS);
            rows.add(new DecodeRow(decoder.memory().allocate(1), 0, token, picker, true));
        }
        for (int draw = 0; draw < draws; draw++) {
            List<SampledToken> picked = decoder.decode(rows, LayerHook.NONE).await();
            for (int i = 0; i < counts.size(); i++) {
                counts.get(i).add(picked.get(i));
            }
        }
        counts.forEach(DrawCount::check);
        rows.forEach(row -> release(row.slots(), row.picker()));
    }

    private static int best(double[] logits) {
        return IntStream.range(0, logits.length)
                .boxed()
                .max(Comparator.comparingDouble(token -> logits[token]))
                .orElseThrow();
    }

    private static SamplingParams sampling(double temperature, double topP, int topK, double minP) {
        return new SamplingParams(temperature, topP, topK, minP, 1, 0, 0, Map.of(), 3, 99);
    }

    private static SamplingParams biased(
            double temperature, double topP, int topK, Map<Integer, Float> bias) {
        return new SamplingParams(temperature, topP, topK, 0, 1, 0, 0, bias, 0, 98);
    }

    /**
     * Whole answers, in one batch for all settings. Draws that neither top_k nor top_p cuts are the
     * host's, token for token.
     */
    public void assertAnswersOfTheHost() {
        List<SamplingParams> settings =
                List.of(
                        penalised(0, 1, 0, 0, Map.of(), 20),
                        penalised(0, 1.3, 0, 0, Map.of(), 0),
                        penalised(0, 1, .7, 0, Map.of(), 5),
                        penalised(0, 1, 0, .4, Map.of(), -1),
                        penalised(0, 1.2, .5, .3, Map.of(5, 3f, 9, -4f, 96, 1.5f), 20),
                        penalised(0, .8, -.5, -.2, Map.of(), 1),
                        penalised(0, 1, 0, 0, Map.of(11, 100f, 12, -100f), 2),
                        penalised(.8, 1, 0, 0, Map.of(), 20),
                        penalised(1.3, 1.2, .5, .3, Map.of(5, 3f), -1));
        List<Answer> answers = new ArrayList<>();
        for (int i = 0; i < settings.size(); i++) {
            answers.add(new Answer(settings.get(i), i));
        }
        for (int step = 0; step < ANSWER; step++) {
            boolean mayEnd = step >= MAY_END;
            List<SampledToken> picked =
                    step == 0
                            ? decoder.prefill(
                                            answers.stream().map(Answer::prompt).toList(),
                                            LayerHook.NONE)
                                    .await()
                            : decoder.decode(
                                            answers.stream().map(each -> each.row(mayEnd)).toList(),
                                            LayerHook.NONE)
                                    .await();
            for (int i = 0; i < answers.size(); i++) {
                answers.get(i).check(picked.get(i), mayEnd);
            }
        }
        answers.forEach(Answer::close);
    }

    private static SamplingParams penalised(
            double temperature,
            double repetition,
            double presence,
            double frequency,
            Map<Integer, Float> bias,
            int logprobs) {
        return new SamplingParams(
                temperature, 1, 0, 0, repetition, presence, frequency, bias, logprobs, 31);
    }

    /** One answer on the decoder and on the host. */
    private final class Answer {
        private final int[] prompt;
        private final int[] enders;
        private final SamplingParams params;
        private final Sampler host;
        private final TokenPicker picker;
        private final KvSlots slots = decoder.memory().allocate(PROMPT + ANSWER);
        private int[] tokens;

        Answer(SamplingParams params, long seed) {
            this.params = params;
            this.prompt = new Random(seed).ints(PROMPT, 0, SHAPE.vocabulary()).toArray();
            this.tokens = prompt;
            // What is likely at first, so that it makes a difference.
            this.enders = IntStream.range(0, 20).map(i -> 5 * i).toArray();
            this.host = new Sampler(params, prompt, new SamplingSpace());
            this.picker = decoder.newPicker(params, prompt, enders);
        }

        PromptChunk prompt() {
            return new PromptChunk(slots, 0, prompt, picker, false);
        }

        DecodeRow row(boolean mayEnd) {
            return new DecodeRow(slots, tokens.length - 1, DecodeRow.PICKED, picker, mayEnd);
        }

        void check(SampledToken found, boolean mayEnd) {
            float[] logits = floats(reference.logits(tokens));
            SampledToken wanted = mayEnd ? host.sample(logits) : host.sample(logits, enders);
            String where = "%s after %d tokens".formatted(params, tokens.length);
            assertThat(found.id()).as(where).isEqualTo(wanted.id());
            assertThat(found.hasLogprob()).as(where).isEqualTo(wanted.hasLogprob());
            assertThat(found.top()).as(where).hasSameSizeAs(wanted.top());
            if (wanted.hasLogprob()) {
                assertThat(found.logprob())
                        .as(where)
                        .isCloseTo(wanted.logprob(), within((float) TOLERANCE));
            }
            for (int i = 0; i < wanted.top().size(); i++) {
                assertThat(found.top().get(i).logprob())
                        .as(where)
                        .isCloseTo(wanted.top().get(i).logprob(), within((float) TOLERANCE));
            }
            tokens = Arrays.copyOf(tokens, tokens.length + 1);
            tokens[tokens.length - 1] = wanted.id();
        }

        void close() {
            release(slots, picker);
        }
    }

    private static float[] floats(double[] values) {
        float[] narrow = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            narrow[i] = (float) values[i];
        }
        return narrow;
    }

    /**
     * The tokens of one answer.
     *
     * @param accepted the first of them, which another picker picked; empty for none
     */
    public List<Integer> answer(SamplingParams params, List<Integer> accepted) {
        int[] prompt = new Random(3).ints(PROMPT, 0, SHAPE.vocabulary()).toArray();
        KvSlots slots = decoder.memory().allocate(PROMPT + ANSWER);
        TokenPicker picker = decoder.newPicker(params, prompt, NO_ENDERS);
        List<Integer> answer = new ArrayList<>(accepted);
        boolean first = accepted.isEmpty();
        PromptChunk chunk = new PromptChunk(slots, 0, prompt, first ? picker : null, true);
        SampledToken picked = decoder.prefill(List.of(chunk), LayerHook.NONE).await().get(0);
        if (first) {
            answer.add(picked.id());
        }
        for (int i = 0; i < accepted.size(); i++) {
            picker.accept(accepted.get(i));
            if (i + 1 < accepted.size()) {
                feed(slots, PROMPT + i, accepted.get(i));
            }
        }
        while (answer.size() < ANSWER) {
            int size = answer.size();
            // A token that was picked elsewhere has to be named.
            boolean named = size == accepted.size() || size % 2 == 0;
            int token = named ? answer.get(size - 1) : DecodeRow.PICKED;
            DecodeRow row = new DecodeRow(slots, PROMPT + size - 1, token, picker, true);
            answer.add(decoder.decode(List.of(row), LayerHook.NONE).await().get(0).id());
        }
        release(slots, picker);
        return answer;
    }

    private void feed(KvSlots slots, int position, int token) {
        DecodeRow row = new DecodeRow(slots, position, token, null, true);
        assertThat(decoder.decode(List.of(row), LayerHook.NONE).await()).containsOnlyNulls();
    }

    private static void release(KvSlots slots, TokenPicker picker) {
        picker.close();
        slots.release();
    }

    /** Seeds and tokens that were picked elsewhere. */
    public void assertSeeds() {
        for (SamplingParams params :
                List.of(
                        new SamplingParams(1, 1, 0, 5),
                        new SamplingParams(1, .95, 40, 5),
                        penalised(.9, 1.2, .5, .3, Map.of(5, 3f), -1))) {
            List<Integer> answer = answer(params, List.of());
            assertThat(answer(params, List.of())).isEqualTo(answer);
            assertThat(answer(params.withSeed(6), List.of())).isNotEqualTo(answer);
            assertThat(answer(params, answer.subList(0, 1))).isEqualTo(answer);
            assertThat(answer(params, answer.subList(0, 9))).isEqualTo(answer);
        }
    }

    @Override
    public void close() {
        decoder.close();
    }
}
