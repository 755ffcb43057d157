// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One worker of the demo model in a process of its own, without HTTP: answers what its standard
 * input asks, and ends with it. A line {@code ID MAX_TOKENS TOKEN,TOKEN,...} is answered, whenever
 * it is done, by {@code kvlink done ID tokens=... computed=... loaded=... plane=... ms=...}, or
 * {@code kvlink failed ID reason}.
 */
final class ParityWorker {

    private ParityWorker() {}

    /** Arguments: model directory, device, role or {@code none}, data plane. */
    public static void main(String[] args) throws IOException {
        try (LlamaWorker worker =
                        LlamaWorker.start(
                                config(Path.of(args[0]), args[1], args[2], args[3]),
                                ParityWorker.class.getClassLoader());
                BufferedReader lines =
                        new BufferedReader(
                                new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            say("ready " + worker.status().kvAddress().map(Object::toString).orElse("-"));
            for (String line; (line = lines.readLine()) != null; ) {
                ask(worker, line.split(" "));
            }
        } catch (RuntimeException cause) {
            say("failed start " + cause.getMessage());
            throw cause;
        }
    }

    private static WorkerConfig config(Path model, String device, String role, String plane) {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("device", device);
        options.put("decode_batch", "exact");
        if (!role.equals("none")) {
            options.put(
                    "kv_transfer_config",
                    ("{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"%s\",\"kv_port\":0,"
                                    + "\"kv_buffer_size\":\"1e9\",\"kv_connector_extra_config\":"
                                    + "{\"data_plane\":\"%s\",\"mem_pool_size_gb\":1}}")
                            .formatted(role, plane));
        }
        return WorkerConfig.of(model, options);
    }

    private static void ask(TextGenerator worker, String[] words) {
        String id = words[0];
        int[] prompt = Arrays.stream(words[2].split(",")).mapToInt(Integer::parseInt).toArray();
        worker.submit(
                new GenerationRequest(
                        id,
                        TransferRoute.find(id, 0),
                        prompt,
                        Integer.parseInt(words[1]),
                        0,
                        SamplingParams.GREEDY,
                        List.of(),
                        true),
                new Reply(id));
    }

    // Whole lines, also when several threads speak.
    private static void say(String line) {
        System.out.println("kvlink " + line.replace('\n', ' '));
        System.out.flush();
    }

    /** Gathers one answer, on the worker's thread. */
    private static final class Reply implements GenerationListener {
        private final String id;
        private final List<Integer> tokens = new ArrayList<>();

        Reply(String id) {
            this.id = id;
        }

        @Override
        public void onToken(int tokenId, String piece) {
            tokens.add(tokenId);
        }

        @Override
        public void onFinished(GenerationResult result) {
            say(
                    "done %s tokens=%s computed=%d loaded=%d plane=%s ms=%.1f"
                            .formatted(
                                    id,
                                    tokens.stream()
                                            .map(String::valueOf)
                                            .collect(Collectors.joining(",")),
                                    result.computedPromptTokens(),
                                    result.loadedPromptTokens(),
                                    result.transfer().map(TransferOutcome::plane).orElse("-"),
                                    result.totalNanos() / 1e6));
        }

        @Override
        public void onFailed(GenerationException failure) {
            say("failed " + id + " " + failure.getMessage());
        }
    }
}
