// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.TinyCheckpoint.Shape;
import io.kvlink.djl.model.config.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DecodeBatchTest {
    private static final Shape GROUPED = new Shape(64, 96, 3, 4, 2, 16, true);
    private static final int SEQUENCES = 20;
    private static final int STEPS = 6;
    private static final List<String> CALLS_OF_THREE_LAYERS =
            List.of("before 0", "after 0", "before 1", "after 1", "before 2", "after 2");

    @TempDir private Path directory;
    private Random random;

    static Stream<Shape> shapes() {
        return Stream.of(
                GROUPED,
                new Shape(48, 64, 2, 3, 3, 16, true),
                new Shape(40, 56, 2, 6, 2, 24, false),
                new Shape(32, 48, 2, 4, 1, 8, true),
                new Shape(264, 712, 2, 8, 4, 32, false),
                new Shape(64, 80, 2, 8, 8, 40, true));
    }

    @BeforeEach
    void chooseSeed() {
        long seed = System.nanoTime();
        System.out.println("seed=" + seed);
        random = new Random(seed);
    }

    /** A sequence with its KV, as far as it was computed. */
    private static final class Running {
        final KvRun slots;
        final int[] tokens;
        int position;
        final List<float[]> logits = new ArrayList<>();

        Running(KvRun slots, int[] tokens) {
            this.slots = slots;
            this.tokens = tokens;
        }

        LogitsRow next() {
            return new LogitsRow(tokens[position], position, slots, true);
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void shouldGiveEachRowTheBitsItHasAlone(Shape shape) throws IOException {
        Path model = TinyCheckpoint.random(shape, 21).write(directory, "F32");
        assertRowsAsAlone(model, SEQUENCES, count -> true);
    }

    /**
     * Processors may differ: of the counts that agree here only some may be used, down to a single
     * one.
     */
    @ParameterizedTest
    @MethodSource("usableCounts")
    void shouldServeAnyBatchExactlyWhereFewCountsAgree(Set<Integer> usable) throws IOException {
        Path model = TinyCheckpoint.random(GROUPED, 21).write(directory, "F32");
        for (int maxBatch : new int[] {1, 5, SEQUENCES}) {
            assertRowsAsAlone(model, maxBatch, usable::contains);
        }
    }

    static Stream<Set<Integer>> usableCounts() {
        return Stream.of(
                Set.of(),
                Set.of(1),
                Set.of(1, 2),
                Set.of(1, 4),
                Set.of(4, 8),
                Set.of(1, 2, 3, 4),
                Set.of(1, 16, 20, 24),
                Set.of(40, 48, 56));
    }

    /** Random batches of 1 to {@code maxBatch} of so many sequences and more. */
    private void assertRowsAsAlone(Path model, int maxBatch, IntPredicate usable)
            throws IOException {
        ModelConfig config = ModelConfig.read(model);
        int[][] prompts = new int[maxBatch + 1][];
        Arrays.setAll(prompts, i -> random.ints(3 + 5 * i + STEPS, 0, Shape.VOCABULARY).toArray());
        DecodeSettings one = new DecodeSettings(DecodeBatch.EXACT, 64, 1);
        List<Running> alone = new ArrayList<>();
        try (KvCachePool pool = KvCachePool.open(config, 4096);
                LlamaModel decoder = LlamaModel.load(model, config, pool, one, usable)) {
            for (int[] prompt : prompts) {
                Running running = start(pool, decoder, prompt);
                while (running.position < prompt.length) {
                    decode(decoder, List.of(running));
                }
                alone.add(running);
            }
        }
        // On several threads, which gives other parts than one.
        DecodeSettings threads =
                new DecodeSettings(DecodeBatch.EXACT, maxBatch, 1 + random.nextInt(3));
        try (KvCachePool pool = KvCachePool.open(config, 4096);
                LlamaModel decoder = LlamaModel.load(model, config, pool, threads, usable)) {
            assertThat(decoder.maxBatch()).isEqualTo(maxBatch);
            List<Running> left = new ArrayList<>();
            List<Running> all = new ArrayList<>();
            for (int[] prompt : prompts) {
                // Other places in the pool than alone.
                pool.allocate(1 + random.nextInt(40));
                Running running = start(pool, decoder, prompt);
                left.add(running);
                all.add(running);
            }
            for (int size = maxBatch; !left.isEmpty(); size = 1 + random.nextInt(maxBatch)) {
                Collections.shuffle(left, random);
                decode(decoder, left.subList(0, Math.min(size, left.size())), anyHook());
                left.removeIf(running -> running.position == running.tokens.length);
            }
            for (int i = 0; i < prompts.length; i++) {
                for (int step = 0; step < STEPS; step++) {
                    assertThat(all.get(i).logits.get(step))
                            .as("sequence %d step %d rows %s", i, step, decoder.batchRows())
                            .containsExactly(alone.get(i).logits.get(step));
                }
            }
        }
    }

    /** None, or one that makes the decoder go layer by layer. */
    private LayerHook anyHook() {
        return random.nextBoolean() ? LayerHook.NONE : new Calls();
    }

    /** A hook that writes down its calls. */
    private static final class Calls implements LayerHook {
        final List<String> made = new ArrayList<>();

        @Override
        public void beforeAttention(int layer) {
            made.add("before " + layer);
        }

        @Override
        public void afterLayer(int layer) {
            made.add("after " + layer);
        }
    }

    private static Running start(KvCachePool pool, LlamaModel decoder, int[] tokens) {
        Running running = new Running(pool.allocate(tokens.length), tokens);
        running.position = tokens.length - STEPS;
        int[] prompt = Arrays.copyOf(tokens, running.position);
        decoder.forward(prompt, 0, running.slots, LayerHook.NONE, false);
        return running;
    }

    private static void decode(LlamaModel decoder, List<Running> batch) {
        decode(decoder, batch, LayerHook.NONE);
    }

    private static void decode(LlamaModel decoder, List<Running> batch, LayerHook hook) {
        List<float[]> logits = decoder.decode(batch.stream().map(Running::next).toList(), hook);
        for (int i = 0; i < batch.size(); i++) {
            batch.get(i).logits.add(logits.get(i));
            batch.get(i).position++;
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void shouldAgreeWithTheReference(Shape shape) throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(shape, 22);
        Path model = checkpoint.write(directory, "F32");
        ModelConfig config = ModelConfig.read(model);
        ReferenceLlama reference = new ReferenceLlama(config, checkpoint.weights());
        for (DecodeBatch batch : DecodeBatch.values()) {
            try (KvCachePool pool = KvCachePool.open(config, 1024);
                    LlamaModel decoder =
                            LlamaModel.load(model, config, pool, new DecodeSettings(batch, 8, 1))) {
                int size = Math.min(5, decoder.maxBatch());
                assertThat(size).isEqualTo(batch == DecodeBatch.OFF ? 1 : 5);
                List<Running> all = new ArrayList<>();
                for (int i = 0; i < size; i++) {
                    int[] tokens = random.ints(10 + 9 * i, 0, Shape.VOCABULARY).toArray();
                    all.add(start(pool, decoder, tokens));
                }
                decode(decoder, all);
                for (Running running : all) {
                    double[] expected =
                            reference.logits(Arrays.copyOf(running.tokens, running.position));
                    double[] found = new double[expected.length];
                    Arrays.setAll(found, i -> running.logits.get(0)[i]);
                    // Of 30 seeds the worst differs by 1.8e-4: logits are of the order of 10.
                    assertThat(found).containsExactly(expected, within(1e-3));
                }
            }
        }
    }

    @Test
    void shouldCallTheHookOnceALayer() throws IOException {
        try (Model model = new Model(32)) {
            Calls calls = new Calls();
            model.decoder.decode(List.of(model.row(3, 0), model.row(4, 0)), calls);
            assertThat(calls.made).containsExactlyElementsOf(CALLS_OF_THREE_LAYERS);
        }
    }

    @Test
    void shouldCallTheHookOnceALayerOfABatchInParts() throws IOException {
        Path path = TinyCheckpoint.random(GROUPED, 23).write(directory, "F32");
        ModelConfig config = ModelConfig.read(path);
        DecodeSettings settings = new DecodeSettings(DecodeBatch.EXACT, 5, 2);
        try (KvCachePool pool = KvCachePool.open(config, 128);
                LlamaModel decoder =
                        LlamaModel.load(path, config, pool, settings, count -> false)) {
            assertThat(decoder.rowsTogether()).isEqualTo(1);
            List<LogitsRow> rows = new ArrayList<>();
            for (int token = 0; token < 5; token++) {
                rows.add(new LogitsRow(token, 0, pool.allocate(1), true));
            }
            Calls calls = new Calls();
            assertThat(decoder.decode(rows, calls)).hasSize(5);
            assertThat(calls.made).containsExactlyElementsOf(CALLS_OF_THREE_LAYERS);
        }
    }

    @Test
    void shouldGiveNoLogitsWhereNoneAreWanted() throws IOException {
        try (Model model = new Model(32)) {
            LogitsRow unwanted = new LogitsRow(5, 0, model.pool.allocate(1), false);
            List<float[]> logits =
                    model.decoder.decode(List.of(unwanted, model.row(6, 0)), LayerHook.NONE);
            assertThat(logits.get(0)).isNull();
            assertThat(logits.get(1)).hasSize(Shape.VOCABULARY);
        }
    }

    @Test
    void shouldRefuseABatchWithABadRowBeforeItWritesAnything() throws IOException {
        try (Model model = new Model(64)) {
            LogitsRow good = model.row(5, 0);
            int live = model.decoder.liveArrays();
            List<LogitsRow> rows = List.of(good, model.row(Shape.VOCABULARY, 0));
            assertThatThrownBy(() -> model.decoder.decode(rows, LayerHook.NONE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("token=96 allowed=0..95");
            assertThatThrownBy(
                            () ->
                                    model.decoder.decode(
                                            List.of(good, model.row(5, 16)), LayerHook.NONE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("tokens=1 position=16");
            assertThat(model.pool.layerRegion(0).buffer().getInt(0)).isZero();
            assertThat(model.decoder.liveArrays()).isEqualTo(live);
        }
    }

    @Test
    void shouldLeaveNoArrayBehind() throws IOException {
        try (Model model = new Model(64)) {
            int before = model.decoder.liveArrays();
            model.decoder.decode(List.of(model.row(5, 0)), LayerHook.NONE);
            model.decoder.decode(List.of(model.row(5, 0), model.row(6, 0)), LayerHook.NONE);
            assertThat(model.decoder.liveArrays()).isEqualTo(before);
        }
    }

    /** A decoder with its pool. */
    private final class Model implements AutoCloseable {
        final KvCachePool pool;
        final LlamaModel decoder;

        Model(int poolTokens) throws IOException {
            Path model = TinyCheckpoint.random(GROUPED, 23).write(directory, "F32");
            ModelConfig config = ModelConfig.read(model);
            pool = KvCachePool.open(config, poolTokens);
            decoder = LlamaModel.load(model, config, pool);
        }

        LogitsRow row(int token, int position) {
            return new LogitsRow(token, position, pool.allocate(1), true);
        }

        @Override
        public void close() {
            decoder.close();
            pool.close();
        }
    }
}
