// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Prints how long the demo model takes to load and how many tokens a second it computes; not a
 * test. Run it with the test class path: {@code java -cp ... io.kvlink.djl.model.ndarray.ModelSpeed
 * DIR}.
 */
final class ModelSpeed {
    private static final int ROUNDS = 15;
    private static final int CONTEXT = 1024;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private ModelSpeed() {}

    public static void main(String[] args) {
        Path directory = Path.of(args[0]);
        ModelConfig config = ModelConfig.read(directory);
        try (KvCachePool pool = KvCachePool.open(config, CONTEXT)) {
            long start = System.nanoTime();
            try (LlamaModel decoder = LlamaModel.load(directory, config, pool)) {
                System.out.printf("load ms=%d%n", (System.nanoTime() - start) / 1_000_000);
                KvRun slots = pool.allocate(CONTEXT);
                for (int tokens : new int[] {16, 64, 128, 256, 512}) {
                    report("prefill", tokens, 1, () -> prefill(decoder, slots, tokens));
                }
                for (int position : new int[] {64, 256, 896}) {
                    report("decode at " + position, 64, 64, () -> decode(decoder, slots, position));
                }
            }
        }
    }

    private static void prefill(LlamaModel decoder, KvRun slots, int tokens) {
        int[] ids = new int[tokens];
        Arrays.setAll(ids, i -> 3 + i % 1000);
        decoder.forward(ids, 0, slots, LayerHook.NONE, true);
    }

    private static void decode(LlamaModel decoder, KvRun slots, int position) {
        for (int i = 0; i < 64; i++) {
            decoder.forward(new int[] {3 + i}, position + i, slots, LayerHook.NONE, true);
        }
    }

    private static void report(String what, int tokens, int calls, Runnable work) {
        double[] seconds = new double[ROUNDS];
        double[] cpuSeconds = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            long cpuStart = THREADS.getCurrentThreadCpuTime();
            long start = System.nanoTime();
            work.run();
            cpuSeconds[round] = (THREADS.getCurrentThreadCpuTime() - cpuStart) / 1e9;
            seconds[round] = (System.nanoTime() - start) / 1e9;
        }
        Arrays.sort(seconds);
        Arrays.sort(cpuSeconds);
        double median = seconds[ROUNDS / 2];
        System.out.printf(
                "%s tokens=%d tokens/s median=%.0f best=%.0f by cpu time=%.0f ms a call=%.2f%n",
                what,
                tokens,
                tokens / median,
                tokens / seconds[0],
                tokens / cpuSeconds[ROUNDS / 2],
                median / calls * 1e3);
    }
}
