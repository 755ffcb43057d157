// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.http.FakeGenerator.Submitted;
import io.kvlink.djl.model.GenerationDefaults;
import io.kvlink.djl.model.SamplingParams;
import io.kvlink.djl.worker.GenerationException;
import io.kvlink.djl.worker.GenerationException.Kind;
import io.kvlink.djl.worker.GenerationRequest;
import io.kvlink.djl.worker.GenerationResult.FinishReason;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompletionsTest {

    private static final String ROUTE =
            "cmpl-___prefill_addr_10.0.0.1:14579___decode_addr_10.0.0.2:14579_"
                    + "0123456789abcdef0123456789abcdef";

    private final FakeGenerator model = new FakeGenerator("m");
    private TestServer server;

    @BeforeEach
    void start() throws Exception {
        server = new TestServer(model);
    }

    @AfterEach
    void stop() {
        server.close();
    }

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
        assertThat(body.get("id").getAsString()).isEqualTo("cmpl-0123456789abcdef0123456789abcdef");
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
    void shouldRefuseWhatIsAboveTheModelsLimits() throws Exception {
        model.maxPromptTokens = 3;
        HttpResponse<String> response = TestServer.await(server.complete("{\"prompt\":\"abcd\"}"));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(json(response).getAsJsonObject("error"))
                .hasToString(
                        "{\"message\":\"prompt_tokens=4 max_prompt_tokens=3; shorten the prompt\","
                                + "\"type\":\"invalid_request_error\",\"param\":\"prompt\","
                                + "\"code\":\"context_length_exceeded\"}");
        model.maxRequestBytes = 10;
        response = TestServer.await(server.complete("{\"prompt\":\"abcd\"}"));
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(response.body()).contains("bytes=17 max_request_bytes=10");
    }

    @Test
    void shouldTellClientsNotToRepeatWhatTookTooLong() throws Exception {
        model.refusal = request -> new GenerationException(Kind.TIMEOUT, "late");
        HttpResponse<String> response = TestServer.await(server.complete("{\"prompt\":\"a\"}"));
        assertThat(response.statusCode()).isEqualTo(504);
        assertThat(response.headers().firstValue("x-should-retry")).contains("false");
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

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"prompt": 5}                          | prompt      | prompt=5; expected a str
                    {"prompt": {}}                         | prompt      | prompt={…}; expected
                    {"prompt": []}                         | prompt      | prompt is missing or empty
                    {"prompt": ""}                         | prompt      | has no tokens
                    {"prompt": [[]]}                       | prompt      | has no tokens
                    {"prompt": ["a", 1]}                   | prompt      | prompt=1; expected a string
                    {"prompt": [1, "a"]}                   | prompt      | prompt="a"; expected a token
                    {"prompt": [1.5]}                      | prompt      | prompt=1.5; expected a token
                    {"prompt": [-1]}                       | prompt      | prompt=-1; expected a token
                    {"prompt": [99999999999]}              | prompt      | prompt=99999999999; expected
                    {"model": 3, "prompt": "a"}            | model       | model=3; expected a string
                    {"prompt": "a", "max_tokens": -1}      | max_tokens  | max_tokens=-1; expected a wh
                    {"prompt": "a", "max_tokens": "7"}     | max_tokens  | max_tokens="7"; expected a w
                    {"prompt": "a", "max_tokens": 1.5}     | max_tokens  | max_tokens=1.5; expected
                    {"prompt": "a", "max_tokens": 1e99}    | max_tokens  | max_tokens=1e99; expected
                    {"prompt": "a", "max_tokens": 1000}    | max_tokens  | context_length=100; shorten
                    {"prompt": "a", "min_tokens": 9, "max_tokens": 8} | min_tokens | at most max_tokens
                    {"prompt": "a", "temperature": -0.1}   | temperature | temperature=-0.1; expected a
                    {"prompt": "a", "temperature": true}   | temperature | temperature=true; expected a
                    {"prompt": "a", "top_p": 0}            | top_p       | top_p=0; expected a number ab
                    {"prompt": "a", "top_p": 1.1}          | top_p       | top_p=1.1; expected a number
                    {"prompt": "a", "top_k": -2}           | top_k       | top_k=-2; expected a whole nu
                    {"prompt": "a", "seed": "x"}           | seed        | seed="x"; expected a whole nu
                    {"prompt": "a", "stop": 1}             | stop        | stop=1; expected a string or
                    {"prompt": "a", "stop": [""]}          | stop        | stop=""; expected at most 16
                    {"prompt": "a", "stream": 1}           | stream      | stream=1; expected true or f
                    {"prompt": "a", "stream_options": 1}   | stream_options | expected an object
                    {"prompt": "a", "n": 0}                | n           | n=0; expected a whole
                    {"prompt": ["a", "b"], "n": 129}       | n           | at most 256 answers; there
                    {"prompt": "a", "best_of": 2}          | best_of     | best_of=2; expected n=1
                    {"prompt": "a", "echo": 1}             | echo        | echo=1; expected true or f
                    {"prompt": "a", "echo": true, "logprobs": 0} | echo  | false with logprobs: those
                    {"prompt": "a", "logprobs": 21}        | logprobs    | logprobs=21; expected a wh
                    {"prompt": "a", "logprobs": true}      | logprobs    | logprobs=true; expected a
                    {"prompt": "a", "min_p": 2}            | min_p       | min_p=2; expected a number
                    {"prompt": "a", "repetition_penalty": 0} | repetition_penalty | above 0, at most
                    {"prompt": "a", "frequency_penalty": 3} | frequency_penalty | number from -2 to 2
                    {"prompt": "a", "stop_token_ids": 5}   | stop_token_ids | expected a list of token
                    {"prompt": "a", "timeout": 0}          | timeout     | 0.001 seconds or more
                    {"prompt": "a", "use_beam_search": true} | use_beam_search | false: nothing else
                    {"prompt": "a", "prompt_logprobs": 1}  | prompt_logprobs | expected null: it isn't
                    {"prompt": "a", "logit_bias": {"x": 1}} | logit_bias | logit_bias=x; expected at
                    {"prompt": "a", "logit_bias": {"5": 101}} | logit_bias | number from -100 to 100
                    {"prompt": "a", "tools": [{}]}         | tools       | tools=[…]; expected []
                    {"prompt": "a", "response_format": {"type": "json_object"}} | response_format | one of [text]
                    {"prompt": "a", "suffix": "s"}         | suffix      | suffix="s"; expected no text
                    {"prompt": "a", "presence_penalty": "1"} | presence_penalty | expected a number
                    """)
    void shouldRefuseWhatIsWrongByName(String body, String param, String message) throws Exception {
        HttpResponse<String> response = TestServer.await(server.complete(body));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonObject error = json(response).getAsJsonObject("error");
        assertThat(error.get("param").getAsString()).isEqualTo(param);
        assertThat(error.get("message").getAsString()).contains(message);
        assertThat(error.get("type").getAsString()).isEqualTo("invalid_request_error");
        assertThat(model.idle()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"prompt": "a",}     | line 1 column 17
                    {"prompt": "a"       | End of input at line 1 column 15
                    {"prompt": "a"} x    | line 1 column 1
                    {'prompt': 'a'}      | line 1 column 3
                    hello                | line 1 column 1
                    {"prompt": NaN}      | line 1 column 1
                    """)
    void shouldSayWhereJsonIsMalformed(String body, String where) throws Exception {
        HttpResponse<String> response = TestServer.await(server.complete(body));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(json(response).getAsJsonObject("error").get("message").getAsString())
                .startsWith("the body is not JSON: ")
                .contains(where);
    }

    @Test
    void shouldRefuseAPromptThatIsTooLong() throws Exception {
        String prompt = "p".repeat(FakeGenerator.CONTEXT);
        HttpResponse<String> response =
                TestServer.await(server.complete("{\"prompt\":\"" + prompt + "\"}"));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(json(response).getAsJsonObject("error"))
                .hasToString(
                        "{\"message\":\"prompt_tokens=100 max_tokens=1 context_length=100; shorten"
                                + " the prompt or the answer\",\"type\":\"invalid_request_error\","
                                + "\"param\":\"prompt\",\"code\":\"context_length_exceeded\"}");
    }

    @Test
    void shouldRefuseTooManyPromptsBeforeTheyTakeMemory() throws Exception {
        String prompts =
                IntStream.rangeClosed(0, GenerationFields.MAX_CHOICES)
                        .mapToObj(i -> "[1]")
                        .toList()
                        .toString();
        HttpResponse<String> response =
                TestServer.await(server.complete("{\"prompt\":" + prompts + "}"));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("at most 256 prompts");
    }

    @Test
    void shouldRefuseAnUnknownModelAs404() throws Exception {
        HttpResponse<String> response =
                TestServer.await(server.complete("{\"model\":\"other\",\"prompt\":\"a\"}"));
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(json(response).getAsJsonObject("error"))
                .hasToString(
                        "{\"message\":\"model=other; expected one of [m]\","
                                + "\"type\":\"invalid_request_error\",\"param\":\"model\","
                                + "\"code\":\"model_not_found\"}");
    }

    @ParameterizedTest
    @CsvSource({
        "INVALID, 400, invalid_request_error, ",
        "OVERLOADED, 429, rate_limit_error, 1",
        "CLOSED, 503, service_unavailable_error, 1",
        "TIMEOUT, 504, timeout_error, ",
        "KV_LOAD, 502, kv_load_error, ",
        "INTERNAL, 500, internal_error, "
    })
    void shouldTurnAFailureIntoItsStatus(Kind kind, int status, String type, String retryAfter)
            throws Exception {
        CompletableFuture<HttpResponse<String>> answer = server.complete("{\"prompt\":\"abc\"}");
        model.next().text("x").fail(kind, "k=v; do it");
        assertFailure(TestServer.await(answer), status, type, retryAfter);

        CompletableFuture<HttpResponse<String>> stream =
                server.complete("{\"prompt\":\"abc\",\"stream\":true}");
        model.next().fail(kind, "k=v; do it");
        assertFailure(TestServer.await(stream), status, type, retryAfter);

        model.refusal = request -> new GenerationException(kind, "k=v; do it");
        assertFailure(
                TestServer.await(server.complete("{\"prompt\":\"abc\"}")),
                status,
                type,
                retryAfter);
    }

    private static void assertFailure(
            HttpResponse<String> response, int status, String type, String retryAfter) {
        assertThat(response.statusCode()).isEqualTo(status);
        JsonObject error = json(response).getAsJsonObject("error");
        assertThat(error.get("message").getAsString()).isEqualTo("k=v; do it");
        assertThat(error.get("type").getAsString()).isEqualTo(type);
        assertThat(response.headers().firstValue("retry-after").orElse(null)).isEqualTo(retryAfter);
    }

    @Test
    void shouldReportADefectWithoutItsDetails() throws Exception {
        model.refusal = request -> new IllegalStateException("secret");
        HttpResponse<String> response =
                TestServer.await(server.complete("{\"prompt\":\"a\"}", "X-Request-Id", "r1"));
        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(response.body()).contains("request=r1", "see the server's log");
        assertThat(response.body()).doesNotContain("secret");
    }

    @Test
    void shouldGiveUpTheOtherPromptsWhenOneIsRefused() throws Exception {
        model.refusal =
                request ->
                        request.requestId().endsWith("-1")
                                ? new GenerationException(Kind.OVERLOADED, "full")
                                : null;
        HttpResponse<String> response =
                TestServer.await(server.complete("{\"prompt\":[\"a\",\"b\"]}"));
        assertThat(response.statusCode()).isEqualTo(429);
        model.next().awaitCancelled();
    }

    @Test
    void shouldRefuseABadRoute() throws Exception {
        HttpResponse<String> response =
                TestServer.await(
                        server.complete(
                                "{\"prompt\":\"a\"}",
                                "X-Request-Id",
                                "___prefill_addr_nowhere___decode_addr_10.0.0.2:1_12"));
        assertThat(response.statusCode()).isEqualTo(400);
        JsonObject error = json(response).getAsJsonObject("error");
        assertThat(error.get("code").getAsString()).isEqualTo("bad_route");
        assertThat(error.get("message").getAsString()).startsWith("BAD_ROUTE(4): ");
    }

    @Test
    void shouldRefuseABodyThatIsTooLarge() throws Exception {
        HttpResponse<String> response =
                TestServer.await(server.complete("{\"prompt\":\"" + "a".repeat(2 << 20) + "\"}"));
        assertThat(response.statusCode()).isEqualTo(413);
    }

    @Test
    void shouldRefuseTheWrongMethod() throws Exception {
        HttpResponse<String> response = server.get("/v1/completions");
        assertThat(response.statusCode()).isEqualTo(405);
        assertThat(response.headers().firstValue("allow")).contains("POST");
        HttpResponse<String> posted =
                TestServer.await(
                        server.send(
                                server.request("/v1/models")
                                        .POST(HttpRequest.BodyPublishers.ofString("{}"))));
        assertThat(posted.statusCode()).isEqualTo(405);
        assertThat(posted.headers().firstValue("allow")).contains("GET, HEAD");
    }

    static JsonObject json(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject();
    }
}
