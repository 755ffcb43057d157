// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.model.Models;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.weights.ModelFingerprint;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

/** Prompts, requests, and what a decoder alone answers to them. */
final class Prompts {

    static final int CHUNK = 16;
    static final SamplingParams SEEDED = new SamplingParams(1.1, .95, 40, 7);

    /** Makes answers of many different tokens, each of which counts from then on. */
    static final SamplingParams PENALISED =
            new SamplingParams(.9, 1, 0, 0, 1.05, 1.5, .5, Map.of(), SamplingParams.NO_LOGPROBS, 7);

    private static final Map<Question, List<Integer>> ANSWERS = new ConcurrentHashMap<>();

    /**
     * Question that always has the same answer.
     *
     * @param model the model's fingerprint
     */
    private record Question(
            String model,
            List<Integer> prompt,
            int maxTokens,
            SamplingParams sampling,
            int chunk) {}

    private Prompts() {}

    static int[] random(int length, long seed) {
        return new Random(seed).ints(length, 3, TinyModels.VOCABULARY).toArray();
    }

    static GenerationRequest local(int[] prompt, int maxTokens) {
        return request(prompt, maxTokens, SamplingParams.GREEDY, Optional.empty());
    }

    static GenerationRequest request(
            int[] prompt, int maxTokens, SamplingParams sampling, Optional<TransferRoute> route) {
        return new GenerationRequest(
                "test", route, prompt, maxTokens, 0, sampling, List.of(), true);
    }

    static Optional<TransferRoute> route(int prefill, int decode, long id) {
        return Optional.of(
                new TransferRoute(
                        new HostPort("127.0.0.1", prefill),
                        new HostPort("127.0.0.1", decode),
                        new TransferId(1, id, 0)));
    }

    /**
     * The answer, computed by the rule of docs/exactness.md, without a worker; once in this process
     * for each model, whichever class of tests asks.
     */
    static List<Integer> expected(
            Path modelDir, int[] prompt, int maxTokens, SamplingParams sampling, int chunk) {
        Question question =
                new Question(
                        ModelFingerprint.of(modelDir),
                        Arrays.stream(prompt).boxed().toList(),
                        maxTokens,
                        sampling,
                        chunk);
        return ANSWERS.computeIfAbsent(
                question, asked -> answer(modelDir, prompt, maxTokens, sampling, chunk));
    }

    private static List<Integer> answer(
            Path modelDir, int[] prompt, int maxTokens, SamplingParams sampling, int chunk) {
        ModelConfig config = ModelConfig.read(modelDir);
        DecodeSettings exact = new DecodeSettings(DecodeBatch.EXACT, 64, 1);
        DecoderSpec spec = DecoderSpec.onCpu(modelDir, config, exact, config.contextLength());
        try (Decoder decoder = new Models().open(spec);
                TokenPicker picker = decoder.newPicker(sampling, prompt, new int[0])) {
            KvSlots slots = decoder.memory().allocate(prompt.length + maxTokens);
            int last = prompt.length - 1;
            for (int at = 0; at < last; at += chunk) {
                int[] part = Arrays.copyOfRange(prompt, at, Math.min(last, at + chunk));
                PromptChunk next = new PromptChunk(slots, at, part, null, true);
                decoder.prefill(List.of(next), LayerHook.NONE).await();
            }
            List<Integer> tokens = new ArrayList<>();
            int token = prompt[last];
            while (tokens.size() < maxTokens) {
                int position = last + tokens.size();
                DecodeRow row = new DecodeRow(slots, position, token, picker, true);
                token = decoder.decode(List.of(row), LayerHook.NONE).await().get(0).id();
                tokens.add(token);
            }
            return tokens;
        }
    }
}
