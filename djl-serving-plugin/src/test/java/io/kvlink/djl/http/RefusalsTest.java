// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static io.kvlink.djl.http.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Answers to requests that are refused. */
class RefusalsTest {

    private final FakeGenerator model = new FakeGenerator("m");
    @RegisterExtension final TestServer server = new TestServer(model);

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
                    {"prompt": "a"       | it ends too early at line 1 column 15
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

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"prompt": "abcdef"}
                    {"prompt": ["a", "b", "abcdef", "c"]}
                    {"prompt": "\u00e9\u00e9\u00e9", "echo": true, "stream": true}
                    {"prompt": "a\ud83d\ude00b"}
                    """)
    void shouldRefuseALongTextWithoutTokenisingIt(String body) throws Exception {
        model.maxPromptBytes = 5;
        HttpResponse<String> response = TestServer.await(server.complete(body));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(json(response).getAsJsonObject("error"))
                .hasToString(
                        "{\"message\":\"prompt_bytes=6 max_prompt_bytes=5; refused before it was"
                                + " tokenised; shorten the prompt\","
                                + "\"type\":\"invalid_request_error\",\"param\":\"prompt\","
                                + "\"code\":\"context_length_exceeded\"}");
        assertThat(model.tokenizerCalls).hasValue(0);
        assertThat(model.idle()).isTrue();
    }

    @Test
    void shouldServeATextAsLongAsTheBound() throws Exception {
        model.maxPromptBytes = 6;
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\": \"ab\u4e2dc\"}");
        model.next().finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @Test
    void shouldRefuseALongChatWithoutTokenisingIt() throws Exception {
        model.maxPromptBytes = 20;
        model.template =
                Optional.of(
                        ChatTemplate.of(
                                "{{ messages[0].content }}{{ messages[0].content }}",
                                Map.of(),
                                Clock.systemUTC()));
        for (int length : new int[] {10, 11}) {
            CompletableFuture<HttpResponse<String>> answer =
                    server.send(
                            server.request("/v1/chat/completions")
                                    .POST(
                                            HttpRequest.BodyPublishers.ofString(
                                                    "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}"
                                                            .formatted("c".repeat(length)))));
            if (length == 10) {
                model.next().finish(FinishReason.STOP, 1);
                assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
                continue;
            }
            HttpResponse<String> response = TestServer.await(answer);
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body())
                    .contains(
                            "prompt_bytes=22 max_prompt_bytes=20",
                            "\"param\":\"messages\"",
                            "context_length_exceeded");
        }
        assertThat(model.tokenizerCalls).hasValue(1);
    }

    @Test
    void shouldNeitherKeepNorDecodeTokensBeyondTheContext() throws Exception {
        String tokens = "1,".repeat(FakeGenerator.CONTEXT) + "1";
        for (String prompt : List.of("[" + tokens + "]", "[[1],[" + tokens + "]]")) {
            HttpResponse<String> response =
                    TestServer.await(server.complete("{\"prompt\":" + prompt + ",\"echo\":true}"));
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body())
                    .contains("a prompt has more than 100 token ids", "context_length_exceeded");
        }
        HttpResponse<String> full =
                TestServer.await(
                        server.complete(
                                "{\"prompt\":["
                                        + "1,".repeat(FakeGenerator.CONTEXT - 1)
                                        + "1],\"echo\":true}"));
        assertThat(full.body()).contains("prompt_tokens=100");
        assertThat(model.tokenizerCalls).hasValue(0);
    }

    @Test
    void shouldRefuseLongStopTexts() throws Exception {
        String most = "s".repeat(1024);
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"a\",\"stop\":[\"x\",\"%s\"]}".formatted(most));
        model.next().finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
        for (String stop : List.of("\"s" + most + "\"", "[\"x\",\"s" + most + "\"]")) {
            HttpResponse<String> response =
                    TestServer.await(server.complete("{\"prompt\":\"a\",\"stop\":" + stop + "}"));
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body())
                    .contains("\"param\":\"stop\"", "at most 1024 characters each")
                    .hasSizeLessThan(500);
        }
    }

    @Test
    void shouldRefuseTreesOfTooManyValues() throws Exception {
        String values = "[],".repeat(100_000) + "[]";
        String half = "[],".repeat(50_000) + "[]";
        String call = "{\"function\":{\"name\":\"f\",\"arguments\":%s}}";
        String calls = "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[%s]}]}";
        for (String body :
                List.of(
                        calls.formatted(call.formatted("[" + values + "]")),
                        calls.formatted(call.formatted("\"[" + values + "]\"")),
                        calls.formatted(
                                String.join(
                                        ",",
                                        call.formatted("\"[" + half + "]\""),
                                        call.formatted("[" + half + "]"))),
                        "{\"messages\":[],\"chat_template_kwargs\":{\"a\":[%s]}}"
                                .formatted(values))) {
            HttpResponse<String> response =
                    TestServer.await(
                            server.send(
                                    server.request("/v1/chat/completions")
                                            .POST(HttpRequest.BodyPublishers.ofString(body))));
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body()).contains("the body has more than 100000 values");
        }
    }

    @Test
    void shouldShowOnlyTheBeginningOfALongName() throws Exception {
        HttpResponse<String> response =
                TestServer.await(
                        server.complete(
                                "{\"prompt\":\"a\",\"model\":\"" + "m".repeat(100_000) + "\"}"));
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(response.body()).contains("model=mmm").hasSizeLessThan(500);
    }

    @Test
    void shouldRefuseTooManyPromptsBeforeTheyTakeMemory() throws Exception {
        String prompts = IntStream.rangeClosed(0, 256).mapToObj(i -> "[1]").toList().toString();
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
        assertThat(error.get("message").getAsString())
                .startsWith("BAD_ROUTE(4): X-Request-Id; expected")
                .doesNotContain("10.0.0.2");
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
        assertThat(response.headers().firstValue("allow")).contains("POST, OPTIONS");
        HttpResponse<String> posted =
                TestServer.await(
                        server.send(
                                server.request("/v1/models")
                                        .POST(HttpRequest.BodyPublishers.ofString("{}"))));
        assertThat(posted.statusCode()).isEqualTo(405);
        assertThat(posted.headers().firstValue("allow")).contains("GET, HEAD, OPTIONS");
    }
}
