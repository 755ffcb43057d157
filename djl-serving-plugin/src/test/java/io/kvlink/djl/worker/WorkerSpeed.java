// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.model.KvCachePool;
import io.kvlink.djl.model.KvSlots;
import io.kvlink.djl.model.LayerHook;
import io.kvlink.djl.model.LlamaDecoder;
import io.kvlink.djl.model.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Prints how many tokens a second come out of a worker, beside its decoder alone; not a test. Run
 * it with the test class path: {@code java -cp ... io.kvlink.djl.worker.WorkerSpeed DIR}.
 */
final class WorkerSpeed {

    private static final int ROUNDS = 7;
    private static final int ANSWER = 128;
    private static final int PROMPT = 64;

    private WorkerSpeed() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        ModelConfig config = ModelConfig.read(directory);
        try (KvCachePool pool = KvCachePool.open(config, 1024);
                LlamaDecoder decoder = LlamaDecoder.load(directory, config, pool)) {
            KvSlots slots = pool.allocate(1024);
            report("decoder alone", ANSWER, () -> decode(decoder, slots));
        }
        try (LlamaWorker worker =
                LlamaWorker.start(
                        WorkerConfig.of(directory, Map.of()), WorkerSpeed.class.getClassLoader())) {
            for (int requests : new int[] {1, 4, 16}) {
                report(
                        "worker, requests=" + requests,
                        requests * ANSWER,
                        () -> generate(worker, requests));
            }
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void decode(LlamaDecoder decoder, KvSlots slots) {
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

    private static void report(String what, int tokens, Work work) throws Exception {
        double[] seconds = new double[ROUNDS];
        work.run();
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            work.run();
            seconds[round] = (System.nanoTime() - start) / 1e9;
        }
        Arrays.sort(seconds);
        System.out.printf(
                "%s tokens/s median=%.0f best=%.0f worst=%.0f%n",
                what,
                tokens / seconds[ROUNDS / 2],
                tokens / seconds[0],
                tokens / seconds[ROUNDS - 1]);
    }
}
