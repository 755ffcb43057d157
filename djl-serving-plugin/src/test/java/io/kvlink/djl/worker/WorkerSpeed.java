// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.ndarray.KvCachePool;
import io.kvlink.djl.model.ndarray.KvSlots;
import io.kvlink.djl.model.ndarray.NDArrayDecoder;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Prints what a token costs in a worker, beside its decoder alone: wall time, and processor time of
 * the one thread that computes, which other load on the machine changes little. Not a test; run it
 * with the test class path and {@code -Dai.djl.pytorch.num_threads=1}: {@code java -cp ...
 * io.kvlink.djl.worker.WorkerSpeed DIR}.
 */
final class WorkerSpeed {

    private static final int ROUNDS = 5;
    private static final int ANSWER = 64;
    private static final int PROMPT = 64;

    private WorkerSpeed() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        ModelConfig config = ModelConfig.read(directory);
        try (KvCachePool pool = KvCachePool.open(config, 1024);
                NDArrayDecoder decoder = NDArrayDecoder.load(directory, config, pool);
                LlamaWorker worker =
                        LlamaWorker.start(
                                WorkerConfig.of(directory, Map.of()),
                                WorkerSpeed.class.getClassLoader())) {
            KvSlots slots = pool.allocate(1024);
            decode(decoder, slots);
            generate(worker, 4);
            // In turns, so that a busy minute of the machine meets all of them.
            for (int round = 0; round < ROUNDS; round++) {
                report("decoder alone", ANSWER, "main", () -> decode(decoder, slots));
                for (int requests : new int[] {1, 4, 16}) {
                    report(
                            "worker, requests=" + requests,
                            requests * ANSWER,
                            "kv-worker-0",
                            () -> generate(worker, requests));
                }
            }
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void decode(NDArrayDecoder decoder, KvSlots slots) {
        int[] prompt = new int[PROMPT - 1];
        Arrays.fill(prompt, 5);
        decoder.forward(prompt, 0, slots, LayerHook.NONE, false);
        for (int i = 0; i < ANSWER; i++) {
            decoder.forward(new int[] {5}, PROMPT - 1 + i, slots, LayerHook.NONE, true);
        }
    }

    private static void generate(LlamaWorker worker, int requests) throws Exception {
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            Listening listening = new Listening();
            int[] prompt = new int[PROMPT];
            Arrays.fill(prompt, 5 + i);
            worker.submit(Prompts.local(prompt, ANSWER), listening);
            all.add(listening);
        }
        for (Listening listening : all) {
            listening.result();
        }
    }

    private static void report(String what, int tokens, String thread, Work work) throws Exception {
        long cpu = cpuNanos(thread);
        long start = System.nanoTime();
        work.run();
        long wall = System.nanoTime() - start;
        System.out.printf(
                "%s wall us/token=%d cpu us/token=%d%n",
                what, wall / tokens / 1000, (cpuNanos(thread) - cpu) / tokens / 1000);
    }

    private static long cpuNanos(String thread) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(found -> found.getName().equals(thread))
                .mapToLong(
                        found ->
                                ManagementFactory.getThreadMXBean().getThreadCpuTime(found.getId()))
                .sum();
    }
}
