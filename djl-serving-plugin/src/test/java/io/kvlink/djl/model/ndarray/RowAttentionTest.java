// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.BiFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowAttentionTest {
    private static final int TOKENS = 64;

    /** Heads' keys together are narrow, wide, or one head's. */
    @ParameterizedTest
    @CsvSource({"8,4,32,3,4", "8,4,32,1,1", "8,8,64,3,4", "4,1,16,2,2"})
    void shouldGiveTheSameBitsOnTheHeapAsInTheEngine(
            int heads, int kvHeads, int headDim, int sequences, int count) {
        ModelConfig config = config(heads, kvHeads, headDim);
        int width = (heads + 2 * kvHeads) * headDim;
        float[] qkv = numbers(count * width);
        try (NDManager manager = PyTorchRuntime.newManager(Device.cpu())) {
            RotaryTable rotary = RotaryTable.create(manager, config, TOKENS);
            Outcome inEngine =
                    attend(
                            config,
                            sequences,
                            count,
                            (attention, rows) -> {
                                LlamaLayer.InEngine places =
                                        LlamaLayer.InEngine.of(manager, rotary, rows, count);
                                return attention.apply(
                                        manager.create(qkv, new Shape(count, width)),
                                        places,
                                        LlamaLayer.Rows.of(manager, config, rows, count, places),
                                        () -> {});
                            });
            Outcome onHeap =
                    attend(
                            config,
                            sequences,
                            count,
                            (attention, rows) -> {
                                LlamaLayer.OnHeap places =
                                        new LlamaLayer.OnHeap(rotary.angles(rows));
                                LlamaLayer.Rows all =
                                        LlamaLayer.Rows.of(manager, config, rows, count, places);
                                HostRows host =
                                        HostRows.of(config, qkv.clone(), all, places.angles());
                                return attention.apply(manager, host, all, () -> {});
                            });
            assertThat(onHeap.mixed).containsExactly(inEngine.mixed);
            assertThat(onHeap.kv).containsExactly(inEngine.kv);
        }
    }

    /** What attention gave, and the layer's KV afterwards. */
    private static final class Outcome {
        private final float[] mixed;
        private final float[] kv;

        private Outcome(float[] mixed, float[] kv) {
            this.mixed = mixed;
            this.kv = kv;
        }
    }

    private static Outcome attend(
            ModelConfig config,
            int sequences,
            int count,
            BiFunction<RowAttention, List<DecodeRow>, NDArray> attend) {
        try (KvCachePool pool = KvCachePool.open(config, TOKENS)) {
            NDArray kv = pool.layerArray(0);
            float[] earlier = numbers(Math.toIntExact(kv.size()));
            kv.set(earlier);
            List<DecodeRow> rows = new ArrayList<>();
            for (int row = 0; row < sequences; row++) {
                KvSlots slots = Objects.requireNonNull(pool.allocate(KvCachePool.BLOCK_TOKENS));
                rows.add(new DecodeRow(row, 3 + 2 * row, slots, true));
            }
            NDArray mixed =
                    attend.apply(new RowAttention(config, 0, kv, kv.get(0), kv.get(1)), rows);
            float[] written = kv.toFloatArray();
            assertThat(changed(earlier, written))
                    .isEqualTo(sequences * 2 * config.kvHeads() * config.headDim());
            assertThat(mixed.getShape())
                    .isEqualTo(new Shape(count, (long) config.heads() * config.headDim()));
            float[] numbers = mixed.toFloatArray();
            rows.forEach(row -> row.slots().release());
            return new Outcome(numbers, written);
        }
    }

    private static ModelConfig config(int heads, int kvHeads, int headDim) {
        TinyCheckpoint.Shape shape =
                new TinyCheckpoint.Shape(64, 96, 1, heads, kvHeads, headDim, true);
        return ModelConfig.parse(TinyCheckpoint.random(shape, 1).configJson(), null);
    }

    private static int changed(float[] before, float[] after) {
        int changed = 0;
        for (int i = 0; i < before.length; i++) {
            changed += before[i] == after[i] ? 0 : 1;
        }
        return changed;
    }

    private static float[] numbers(int count) {
        Random random = new Random(count);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }
}
