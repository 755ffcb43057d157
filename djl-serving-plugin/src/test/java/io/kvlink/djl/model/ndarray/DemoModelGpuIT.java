// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.tensor.TensorMemory;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The demo model on a real GPU. */
class DemoModelGpuIT {
    private static final Path MODEL =
            Path.of(System.getProperty("kvlink.demo.model", "../samples/model"));
    private static final Device GPU = Device.gpu(0);

    private final ModelConfig config = ModelConfig.read(MODEL);

    @BeforeEach
    void requireGpu() {
        TestManagers.gpu(0).close();
    }

    @Test
    void shouldAgreeWithTheCpuToTheLastBitsButNotBeyond() {
        List<float[]> expected = logits(Device.cpu(), 0);
        List<float[]> found = logits(GPU, 0);
        for (int step = 0; step < expected.size(); step++) {
            for (int token = 0; token < config.vocabSize(); token++) {
                // TF32 would be off by a hundred times as much.
                assertThat(found.get(step)[token])
                        .isCloseTo(expected.get(step)[token], within(1e-3f));
            }
        }
    }

    @Test
    void shouldGiveTheSameBitsAtAnyPlace() {
        List<float[]> first = logits(GPU, 0);
        List<float[]> second = logits(GPU, 5);
        for (int step = 0; step < first.size(); step++) {
            assertThat(second.get(step)).isEqualTo(first.get(step));
        }
    }

    @Test
    void shouldKeepKvWhereItWasRegistered() {
        try (KvCachePool pool = KvCachePool.open(config, 64, GPU);
                LlamaModel decoder = LlamaModel.load(MODEL, config, pool)) {
            List<MemoryRegion> before = regions(pool);
            assertThat(before).allMatch(region -> region.kind() == MemoryKind.DEVICE);
            int arrays = decoder.liveArrays();
            KvRun slots = pool.allocate(20);
            decoder.forward(new int[] {5, 6, 7}, 0, slots, LayerHook.NONE, false);
            decoder.forward(new int[] {8}, 3, slots, LayerHook.NONE, true);
            assertThat(decoder.liveArrays()).isEqualTo(arrays);
            for (int layer = 0; layer < pool.layers(); layer++) {
                assertThat(pool.layerRegion(layer).address())
                        .isEqualTo(before.get(layer).address())
                        .isEqualTo(TensorMemory.address(pool.layerArray(layer)));
                assertThat(pool.layerArray(layer).get(0, 3).toFloatArray())
                        .isNotEqualTo(new float[config.kvHeads() * config.headDim()]);
                assertThat(pool.layerArray(layer).get(1, 4).toFloatArray()).containsOnly(0);
            }
        }
    }

    /** A layer that fails leaves nothing running that could write to blocks given away. */
    @Test
    void shouldGoOnAfterAHookThatThrows() {
        try (KvCachePool pool = KvCachePool.open(config, 512, GPU);
                LlamaModel decoder = LlamaModel.load(MODEL, config, pool)) {
            LayerHook failing =
                    new LayerHook() {
                        @Override
                        public void beforeAttention(int layer) {
                            if (layer == 2) {
                                throw new IllegalStateException("lost");
                            }
                        }

                        @Override
                        public void afterLayer(int layer) {}
                    };
            int[] prompt = prompt(200);
            KvRun slots = pool.allocate(prompt.length);
            assertThatThrownBy(() -> decoder.forward(prompt, 0, slots, failing, true))
                    .hasMessage("lost");
            float[] again = decoder.forward(prompt, 0, slots, LayerHook.NONE, true);
            KvRun others = pool.allocate(prompt.length);
            assertThat(decoder.forward(prompt, 0, others, LayerHook.NONE, true)).isEqualTo(again);
        }
    }

    /** Prefills in chunks, then decodes. */
    private List<float[]> logits(Device device, int blocksBefore) {
        List<float[]> found = new ArrayList<>();
        try (KvCachePool pool = KvCachePool.open(config, 512, device);
                LlamaModel decoder = LlamaModel.load(MODEL, config, pool)) {
            if (blocksBefore > 0) {
                pool.allocate(blocksBefore * KvMemory.BLOCK_TOKENS);
            }
            int[] tokens = prompt(300);
            KvRun slots = pool.allocate(tokens.length + 8);
            for (int at = 0; at < tokens.length; at += 128) {
                int[] chunk = Arrays.copyOfRange(tokens, at, Math.min(at + 128, tokens.length));
                found.add(decoder.forward(chunk, at, slots, LayerHook.NONE, true));
            }
            for (int i = 0; i < 8; i++) {
                int position = tokens.length + i;
                found.add(
                        decoder.forward(new int[] {40 + i}, position, slots, LayerHook.NONE, true));
            }
        }
        return found;
    }

    private static int[] prompt(int length) {
        int[] tokens = new int[length];
        Arrays.setAll(tokens, i -> 3 + 7 * i % 1000);
        return tokens;
    }

    private static List<MemoryRegion> regions(KvCachePool pool) {
        List<MemoryRegion> regions = new ArrayList<>();
        for (int layer = 0; layer < pool.layers(); layer++) {
            regions.add(pool.layerRegion(layer));
        }
        return regions;
    }
}
