// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static io.kvlink.djl.http.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.http.FakeGenerator.Submitted;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.sampling.SamplingParams;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompletionsTest {

    private static final String ROUTE =
            "cmpl-___prefill_addr_10.0.0.1:14579___decode_addr_10.0.0.2:14579_"
                    + "0123456789abcdef0123456789abcdef";

    private final FakeGenerator model = new FakeGenerator("m");
    @RegisterExtension final TestServer server = new TestServer(model);

    @Test
    void shouldAnswerAPromptAsOpenAiDoes() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"model\":\"m\",\"prompt\":\"abc\",\"max_tokens\":2}");

        Submitted submitted = model.next();
        assertThat(submitted.request.promptTokens()).containsExactly('a', 'b', 'c');
        assertThat(submitted.request.maxTokens()).isEqualTo(2);
        assertThat(submitted.request.route()).isEmpty();
        submitted.text("x").text("\u00fc\"").finish(FinishReason.LENGTH, 2);

        HttpResponse<String> response = TestServer.await(answer);
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type")).contains("application/json");
        JsonObject body = json(response);
        assertThat(body.get("id").getAsString()).startsWith("cmpl-");
        body.remove("id");
        assertThat(body)
                .hasToString(
                        "{\"object\":\"text_completion\",\"created\":1234,\"model\":\"m\","
                                + "\"choices\":[{\"index\":0,\"text\":\"x\u00fc\\\"\","
                                + "\"logprobs\":null,\"finish_reason\":\"length\"}],"
                                + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,"
                                + "\"total_tokens\":5}}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``|true",
                ",\"add_special_tokens\":true|true",
                ",\"add_special_tokens\":false|false"
            })
    void shouldAddSpecialTokensUnlessToldNotTo(String field, boolean added) throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"a\"" + field + "}");
        model.next().finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
        assertThat(model.encodedSpecial).isEqualTo(added);
    }

    @Test
    void shouldAnswerSeveralPromptsByIndex() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"model\":\"m\",\"prompt\":[[5,6],[7]]}", "X-Request-Id", ROUTE);

        Submitted first = model.next();
        Submitted second = model.next();
        assertThat(first.request.promptTokens()).containsExactly(5, 6);
        assertThat(first.request.requestId()).isEqualTo(ROUTE + "-0");
        assertThat(second.request.route().orElseThrow().id().prompt()).isEqualTo(1);
        second.text("B").finish(FinishReason.STOP, 1);
        first.text("A").finish(FinishReason.LENGTH, 3);

        JsonObject body = json(TestServer.await(answer));
        assertThat(body.get("id").getAsString())
                .isEqualTo("cmpl-cmpl-" + "0123456789abcdef".repeat(2));
        assertThat(body.get("choices").getAsJsonArray())
                .extracting(choice -> choice.getAsJsonObject().get("text").getAsString())
                .containsExactly("A", "B");
        assertThat(body.get("usage"))
                .hasToString("{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}");
    }

    @Test
    void shouldReadEverySetting() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete(
                        """
                        {"prompt": [1, 2], "max_completion_tokens": 9, "min_tokens": 3,
                         "temperature": 0.5, "top_p": 0.25, "top_k": 4, "seed": -8,
                         "stop": ["a", "b"], "ignore_eos": true, "n": 1, "echo": false,
                         "logprobs": 2, "user": {"any": [1]}, "presence_penalty": 0.5,
                         "frequency_penalty": -0.5, "repetition_penalty": 1.5, "min_p": 0.125,
                         "logit_bias": {"7": -100}, "stop_token_ids": [4, 6], "timeout": 2.5,
                         "best_of": 1}
                        """);

        Submitted submitted = model.next();
        assertThat(submitted.request.maxTokens()).isEqualTo(9);
        assertThat(submitted.request.minTokens()).isEqualTo(3);
        assertThat(submitted.request.sampling())
                .hasToString(
                        "SamplingParams[temperature=0.5, topP=0.25, topK=4, minP=0.125,"
                                + " repetitionPenalty=1.5, presencePenalty=0.5,"
                                + " frequencyPenalty=-0.5, logitBias={7=-100.0}, logprobs=2,"
                                + " seed=-8]");
        assertThat(submitted.request.stopTokens()).containsExactly(4, 6);
        assertThat(submitted.request.timeout()).contains(Duration.ofMillis(2500));
        assertThat(submitted.request.stop()).containsExactly("a", "b");
        assertThat(submitted.request.ignoreEos()).isTrue();
        submitted.finish(FinishReason.STOP, 0);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @Test
    void shouldGiveSeveralAnswersToEachPrompt() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete(
                        "{\"prompt\":[[5,6],[7]],\"n\":2,\"seed\":40,\"echo\":true}",
                        "X-Request-Id",
                        ROUTE);
        List<Submitted> all = List.of(model.next(), model.next(), model.next(), model.next());
        for (int i = 0; i < 4; i++) {
            GenerationRequest request = all.get(i).request;
            assertThat(request.promptTokens()).hasSize(i < 2 ? 2 : 1);
            assertThat(request.sampling().seed()).isEqualTo(40 + i % 2);
            // A prompt's KV comes once, for its first answer.
            assertThat(request.route().map(route -> route.id().prompt()))
                    .isEqualTo(i % 2 == 0 ? Optional.of(i / 2) : Optional.empty());
            all.get(i).text("" + i).finish(FinishReason.STOP, 1);
        }
        JsonObject body = json(TestServer.await(answer));
        assertThat(body.get("choices").getAsJsonArray())
                .extracting(choice -> choice.getAsJsonObject().get("text").getAsString())
                .containsExactly("\5\6" + "0", "\5\6" + "1", "\7" + "2", "\7" + "3");
        assertThat(body.get("usage"))
                .hasToString("{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}");
    }

    @Test
    void shouldTakeWhatIsLeftOutFromTheModelsDefaults() throws Exception {
        model.defaults =
                new GenerationDefaults(
                        true,
                        OptionalDouble.of(.25),
                        OptionalDouble.of(.5),
                        OptionalInt.of(9),
                        OptionalDouble.of(1.25),
                        OptionalInt.of(33),
                        List.of());
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"a\",\"seed\":1}");
        Submitted submitted = model.next();
        assertThat(submitted.request.maxTokens()).isEqualTo(33);
        assertThat(submitted.request.sampling())
                .isEqualTo(new SamplingParams(.25, .5, 9, 0, 1.25, 0, 0, Map.of(), -1, 1));
        submitted.finish(FinishReason.STOP, 1);
        TestServer.await(answer);

        answer =
                server.complete(
                        "{\"prompt\":\"a\",\"seed\":1,\"temperature\":0,\"top_p\":1,\"top_k\":-1,"
                                + "\"repetition_penalty\":1,\"max_tokens\":2}");
        submitted = model.next();
        assertThat(submitted.request.maxTokens()).isEqualTo(2);
        assertThat(submitted.request.sampling()).isEqualTo(new SamplingParams(0, 1, 0, 1));
        submitted.finish(FinishReason.STOP, 1);
        TestServer.await(answer);
    }

    @Test
    void shouldSayWhereTheWorkWasDoneIfAsked() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"abc\"}", "X-KvLink-Stats", "1");
        model.next().finish(FinishReason.STOP, 1);

        assertThat(json(TestServer.await(answer)).get("kvlink"))
                .hasToString(
                        "{\"computed_prompt_tokens\":2,\"loaded_prompt_tokens\":1,"
                                + "\"plane\":\"tcp\",\"kv_bytes\":4096,\"transfer_ms\":1.5,"
                                + "\"transfer_error\":null,\"ttft_ms\":2.0,\"total_ms\":9.0}");
    }

    @Test
    void shouldGiveWhatTheContextLeavesWithoutMaxTokens() throws Exception {
        String prompt = "p".repeat(FakeGenerator.CONTEXT - 5);
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"" + prompt + "\"}");
        Submitted submitted = model.next();
        assertThat(submitted.request.maxTokens()).isEqualTo(5);
        submitted.finish(FinishReason.LENGTH, 5);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }
}
