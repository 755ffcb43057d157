// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.TinyCheckpoint.Shape;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class LlamaModelTest {
    private static final Shape GROUPED = new Shape(64, 96, 3, 4, 2, 16, true);
    private static final Shape MULTI_HEAD = new Shape(48, 64, 2, 3, 3, 16, true);
    private static final Shape UNTIED = new Shape(64, 80, 2, 4, 4, 16, false);
    private static final Shape WIDE_HEADS = new Shape(40, 56, 2, 6, 2, 24, false);
    private static final Shape ONE_KV_HEAD = new Shape(32, 48, 2, 4, 1, 8, true);

    @TempDir private Path directory;

    static Stream<Shape> shapes() {
        return Stream.of(GROUPED, MULTI_HEAD, UNTIED, WIDE_HEADS, ONE_KV_HEAD);
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void shouldAgreeWithTheReference(Shape shape) throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(shape, 7);
        try (Model model = open(checkpoint, 256)) {
            ReferenceLlama reference = new ReferenceLlama(model.config, checkpoint.weights());
            for (int length : new int[] {1, 2, 17, 60, 200}) {
                int[] tokens = tokens(length, length);
                assertClose(model.run(tokens, length), reference.logits(tokens));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void shouldGiveTheSameForAnyChunking(Shape shape) throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(shape, 8);
        try (Model model = open(checkpoint, 256)) {
            int[] tokens = tokens(180, 3);
            double[] whole = doubles(model.run(tokens, 180));
            for (int chunk : new int[] {1, 7, 16, 33, 129}) {
                assertClose(model.run(tokens, chunk), whole);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(ComputeType.class)
    void shouldGiveTheSameBitsAtAnyPlaceAndAfterAnything(ComputeType type) throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(GROUPED, 9);
        int[] tokens = tokens(40, 4);
        float[] first;
        try (Model model = open(checkpoint, 512, type)) {
            first = model.run(tokens, 16);
            KvRun before = model.pool.allocate(130);
            model.decoder.forward(tokens(100, 5), 0, before, LayerHook.NONE, false);
            for (int i = 0; i < 4; i++) {
                KvRun between = model.pool.allocate(16 * i + 1);
                assertThat(model.run(tokens, 16)).containsExactly(first);
                between.release();
            }
        }
        try (Model model = open(checkpoint, 64, type)) {
            assertThat(model.run(tokens, 16)).containsExactly(first);
        }
    }

    @ParameterizedTest
    @EnumSource(ComputeType.class)
    void shouldContinueFromKvThatWasCopiedByBytes(ComputeType type) throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(GROUPED, 10);
        int[] prompt = tokens(37, 6);
        int[] next = {5};
        try (Model producer = open(checkpoint, 64, type);
                Model consumer = open(checkpoint, 256, type)) {
            KvRun from = producer.pool.allocate(40);
            producer.decoder.forward(prompt, 0, from, LayerHook.NONE, false);
            KvRun gap = consumer.pool.allocate(50);
            KvRun to = consumer.pool.allocate(40);
            gap.release();

            LayerHook load =
                    new LayerHook() {
                        @Override
                        public void beforeAttention(int layer) {
                            copy(producer.pool, from, consumer.pool, to, layer);
                        }

                        @Override
                        public void afterLayer(int layer) {}
                    };
            float[] there = consumer.decoder.forward(next, 37, to, load, true);
            float[] here = producer.decoder.forward(next, 37, from, LayerHook.NONE, true);

            assertThat(there).containsExactly(here);
        }
    }

    @Test
    void shouldCallTheHookAroundEachLayerWithKvWritten() throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(GROUPED, 11);
        try (Model model = open(checkpoint, 64)) {
            KvRun slots = model.pool.allocate(16);
            List<String> calls = new ArrayList<>();
            LayerHook hook =
                    new LayerHook() {
                        @Override
                        public void beforeAttention(int layer) {
                            calls.add("before " + layer + " empty=" + isZero(model.pool, layer));
                        }

                        @Override
                        public void afterLayer(int layer) {
                            calls.add("after " + layer + " empty=" + isZero(model.pool, layer));
                        }
                    };
            float[] logits = model.decoder.forward(tokens(16, 1), 0, slots, hook, false);

            assertThat(logits).isNull();
            assertThat(calls)
                    .containsExactly(
                            "before 0 empty=true",
                            "after 0 empty=false",
                            "before 1 empty=true",
                            "after 1 empty=false",
                            "before 2 empty=true",
                            "after 2 empty=false");
        }
    }

    @Test
    void shouldLeaveNoArrayBehind() throws IOException {
        try (Model model = open(TinyCheckpoint.random(UNTIED, 15), 256)) {
            int before = model.decoder.liveArrays();
            model.run(tokens(200, 1), 150);
            model.run(tokens(5, 1), 1);
            assertThat(model.decoder.liveArrays()).isEqualTo(before);
        }
    }

    @Test
    void shouldStayUsableWhenAHookThrows() throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(GROUPED, 12);
        try (Model model = open(checkpoint, 64)) {
            int[] tokens = tokens(20, 2);
            float[] expected = model.run(tokens, 20);
            int live = model.decoder.liveArrays();
            KvRun slots = model.pool.allocate(20);
            LayerHook broken =
                    new LayerHook() {
                        @Override
                        public void beforeAttention(int layer) {
                            throw new UnsupportedOperationException("layer=" + layer);
                        }

                        @Override
                        public void afterLayer(int layer) {}
                    };

            assertThatThrownBy(() -> model.decoder.forward(tokens, 0, slots, broken, true))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessage("layer=0");

            slots.release();
            assertThat(model.decoder.liveArrays()).isEqualTo(live);
            assertThat(model.run(tokens, 20)).containsExactly(expected);
        }
    }

    @Test
    void shouldRefuseWhatDoesNotFit() throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(GROUPED, 13);
        try (Model model = open(checkpoint, 64)) {
            KvRun slots = model.pool.allocate(16);
            assertRefused(model, tokens(17, 1), 0, slots, "tokens=17 position=0");
            assertRefused(model, tokens(1, 1), 16, slots, "tokens=1 position=16");
            assertRefused(model, new int[0], 0, slots, "tokens=0 position=0");
            assertRefused(model, new int[] {Shape.VOCABULARY}, 0, slots, "token=96 allowed=0..95");
            slots.release();
            assertThatThrownBy(
                            () ->
                                    model.decoder.forward(
                                            tokens(1, 1), 0, slots, LayerHook.NONE, true))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("already released");
        }
    }

    @Test
    void shouldReadBfloat16() throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(UNTIED, 14);
        int[] tokens = tokens(9, 9);
        try (Model wide = open(checkpoint, 64)) {
            float[] expected = wide.run(tokens, 9);
            try (Model narrow =
                    new Model(checkpoint.write(directory, "BF16"), 64, ComputeType.FLOAT32)) {
                assertThat(narrow.run(tokens, 9)).containsExactly(expected);
            }
        }
    }

    @Test
    void shouldRefuseWeightsThatFloat16CannotHold() throws IOException {
        TinyCheckpoint checkpoint = TinyCheckpoint.random(UNTIED, 16);
        checkpoint.weights().get("model.layers.1.mlp.down_proj.weight")[3] = -1e5f;
        assertThatThrownBy(() -> open(checkpoint, 64, ComputeType.FLOAT16))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("holds 100000.0, float16 at most 65504.0");
        try (Model model = open(checkpoint, 64, ComputeType.BFLOAT16)) {
            assertThat(model.run(tokens(9, 9), 9)).doesNotContain(Float.NaN);
        }
    }

    @Test
    void shouldRefuseAPoolOfAnotherType() throws IOException {
        Path model = TinyCheckpoint.random(GROUPED, 17).write(directory, "F32");
        ModelConfig config = ModelConfig.read(model);
        try (KvCachePool pool = KvCachePool.open(config, 64)) {
            assertThatThrownBy(
                            () ->
                                    LlamaModel.load(
                                            model, config.computedIn(ComputeType.BFLOAT16), pool))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("pool was opened with another config");
        }
    }

    private static void assertRefused(
            Model model, int[] tokens, int position, KvRun slots, String message) {
        assertThatThrownBy(
                        () -> model.decoder.forward(tokens, position, slots, LayerHook.NONE, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private static void assertClose(float[] found, double[] expected) {
        // Processors round differently: with MKL_CBWR=COMPATIBLE the worst of 10 seeds is off by
        // 1.8e-4. Logits are of the order of 30.
        assertThat(doubles(found)).containsExactly(expected, within(1e-3));
    }

    private static double[] doubles(float[] logits) {
        double[] doubles = new double[logits.length];
        Arrays.setAll(doubles, i -> logits[i]);
        return doubles;
    }

    private static int[] tokens(int count, long seed) {
        return new Random(seed).ints(count, 0, Shape.VOCABULARY).toArray();
    }

    private static boolean isZero(KvCachePool pool, int layer) {
        ByteBuffer bytes = pool.layerRegion(layer).buffer();
        while (bytes.hasRemaining()) {
            if (bytes.get() != 0) {
                return false;
            }
        }
        return true;
    }

    private static void copy(
            KvCachePool from, KvRun source, KvCachePool to, KvRun target, int layer) {
        for (int block = 0; block < source.blocks(); block++) {
            int fromBlock = source.firstBlock() + block;
            int toBlock = target.firstBlock() + block;
            copyBytes(from, from.keyOffset(fromBlock), to, to.keyOffset(toBlock), layer);
            copyBytes(from, from.valueOffset(fromBlock), to, to.valueOffset(toBlock), layer);
        }
    }

    private static void copyBytes(
            KvCachePool from, int fromOffset, KvCachePool to, int toOffset, int layer) {
        to.layerRegion(layer)
                .buffer()
                .put(toOffset, from.layerRegion(layer).buffer(), fromOffset, from.blockBytes());
    }

    private Model open(TinyCheckpoint checkpoint, int poolTokens) throws IOException {
        return open(checkpoint, poolTokens, ComputeType.FLOAT32);
    }

    private Model open(TinyCheckpoint checkpoint, int poolTokens, ComputeType type)
            throws IOException {
        return new Model(checkpoint.write(directory, "F32"), poolTokens, type);
    }

    /** A decoder with its pool. */
    private static final class Model implements AutoCloseable {
        final ModelConfig config;
        final KvCachePool pool;
        final LlamaModel decoder;

        Model(Path directory, int poolTokens, ComputeType type) {
            config = ModelConfig.read(directory).computedIn(type);
            pool = KvCachePool.open(config, poolTokens);
            decoder = LlamaModel.load(directory, config, pool);
        }

        /** Prefills in chunks, in slots of its own, and returns the last logits. */
        float[] run(int[] tokens, int chunk) {
            KvRun slots = pool.allocate(tokens.length);
            float[] logits = null;
            for (int at = 0; at < tokens.length; at += chunk) {
                int end = Math.min(tokens.length, at + chunk);
                int[] part = Arrays.copyOfRange(tokens, at, end);
                logits = decoder.forward(part, at, slots, LayerHook.NONE, end == tokens.length);
            }
            slots.release();
            return logits;
        }

        @Override
        public void close() {
            decoder.close();
            pool.close();
        }
    }
}
