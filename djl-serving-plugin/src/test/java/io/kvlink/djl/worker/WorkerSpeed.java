// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.model.Models;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Prints the cost of a token in a worker, beside its decoder alone. Wall time is shown, and
 * processor time of the one thread that computes. Other load on the machine changes the latter
 * little. Not a test; run it with the test class path and {@code -Dai.djl.pytorch.num_threads=1}:
 * {@code java -cp ... io.kvlink.djl.worker.WorkerSpeed DIR}.
 */
final class WorkerSpeed {

    private static final int ROUNDS = 5;
    private static final int ANSWER = 64;
    private static final int PROMPT = 64;

    private WorkerSpeed() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        ModelConfig config = ModelConfig.read(directory);
        DecoderSpec spec = DecoderSpec.onCpu(directory, config, DecodeSettings.DEFAULT, 1024);
        try (Decoder decoder = new Models().open(spec);
                LlamaWorker worker =
                        LlamaWorker.start(
                                WorkerConfig.of(directory, Map.of()),
                                WorkerSpeed.class.getClassLoader())) {
            KvSlots slots = decoder.memory().allocate(1024);
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

    private static void decode(Decoder decoder, KvSlots slots) {
        int[] prompt = new int[PROMPT - 1];
        Arrays.fill(prompt, 5);
        PromptChunk chunk = new PromptChunk(slots, 0, prompt, null, true);
        decoder.prefill(List.of(chunk), LayerHook.NONE).await();
        try (TokenPicker picker =
                decoder.newPicker(SamplingParams.GREEDY, new int[0], new int[0])) {
            for (int i = 0; i < ANSWER; i++) {
                DecodeRow row = new DecodeRow(slots, PROMPT - 1 + i, 5, picker, true);
                decoder.decode(List.of(row), LayerHook.NONE).await();
            }
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
