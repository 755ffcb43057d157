// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Answers of many different tokens, of a model whose authors recommend a penalty. */
@Timeout(600)
class LongAnswersTest {
    private static final Path DEMO = Path.of("../samples/model");
    private static final int TOKENS = 300;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    @TempDir static Path directory;
    private static LlamaWorker worker;
    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
            Files.copy(DEMO.resolve(file), directory.resolve(file));
        }
        // What Qwen2.5 Instruct has, and a length.
        Files.writeString(
                directory.resolve("generation_config.json"),
                """
                {"do_sample": true, "repetition_penalty": 1.05, "temperature": 0.7,
                 "top_p": 0.8, "top_k": 20, "max_new_tokens": 300}
                """);
        worker =
                LlamaWorker.start(
                        WorkerConfig.of(directory, Map.of()),
                        LongAnswersTest.class.getClassLoader());
        server = new TestServer(worker);
    }

    @AfterAll
    static void stop() {
        server.close();
        worker.close();
    }

    @Test
    void shouldAnswerByTheAuthorsDefaults() throws Exception {
        // Asked for beside what the defaults say: no early end, and which tokens there were.
        JsonObject body = answer("\"ignore_eos\": true, \"logprobs\": 0");
        JsonObject choice = body.getAsJsonArray("choices").get(0).getAsJsonObject();
        Set<String> different = new HashSet<>();
        for (JsonElement token : choice.getAsJsonObject("logprobs").getAsJsonArray("tokens")) {
            different.add(token.getAsString());
        }
        assertThat(different).hasSizeGreaterThan(64);
        assertThat(tokens(body)).isEqualTo(TOKENS);
    }

    @Test
    void shouldAnswerARequestThatLeavesAllToTheDefaults() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertThat(tokens(answer("\"n\": 1"))).isBetween(1, TOKENS);
        }
    }

    @Test
    void shouldGoOnPastAnyNumberOfPenalisedTokens() throws Exception {
        for (String penalty :
                List.of("presence_penalty", "frequency_penalty", "repetition_penalty")) {
            JsonObject body = answer("%s, \"%s\": 2".formatted(greedy(), penalty));
            assertThat(tokens(body)).isEqualTo(TOKENS);
        }
    }

    @Test
    void shouldStreamPastThemToo() throws Exception {
        String fields = greedy() + ", \"presence_penalty\": 2";
        String whole =
                answer(fields)
                        .getAsJsonArray("choices")
                        .get(0)
                        .getAsJsonObject()
                        .get("text")
                        .getAsString();
        HttpResponse<String> response =
                post(fields + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}");
        StringBuilder text = new StringBuilder();
        JsonObject last = new JsonObject();
        List<String> events =
                response.body().lines().filter(line -> line.startsWith("data: ")).toList();
        for (String event : events.subList(0, events.size() - 1)) {
            last = JsonParser.parseString(event.substring("data: ".length())).getAsJsonObject();
            assertThat(last.has("error")).as(event).isFalse();
            for (JsonElement choice : last.getAsJsonArray("choices")) {
                text.append(choice.getAsJsonObject().get("text").getAsString());
            }
        }
        assertThat(events.get(events.size() - 1)).isEqualTo("data: [DONE]");
        assertThat(text).hasToString(whole);
        assertThat(tokens(last)).isEqualTo(TOKENS);
    }

    private static String greedy() {
        return "\"max_tokens\": 300, \"ignore_eos\": true, \"temperature\": 0";
    }

    private static JsonObject answer(String fields) throws Exception {
        HttpResponse<String> response = post(fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return TestServer.json(response);
    }

    private static HttpResponse<String> post(String fields) throws Exception {
        String body = "{\"prompt\": \"Once upon a time\", %s}".formatted(fields);
        // Hundreds of tokens are computed, on a machine that may be busy.
        return server.send(
                        server.request("/v1/completions")
                                .timeout(LIMIT)
                                .POST(HttpRequest.BodyPublishers.ofString(body)))
                .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    private static int tokens(JsonObject body) {
        return body.getAsJsonObject("usage").get("completion_tokens").getAsInt();
    }
}
