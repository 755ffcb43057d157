// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.http.FakeGenerator.Submitted;
import io.kvlink.djl.sampling.SamplingParams;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatTest {

    private static final String TEMPLATE =
            "{{ bos_token }}{% for m in messages %}{% if m.role == 'tool' and loop.first %}"
                    + "{{ raise_exception('no tool first') }}{% endif %}"
                    + "[{{ m.role }}]{{ m.content }}{% if m.tool_calls %}{{ m.tool_calls|tojson }}"
                    + "{% endif %}{% endfor %}{% if add_generation_prompt %}>{% endif %}"
                    + "{% if mood is defined %}{{ mood }}{% endif %}";

    private final FakeGenerator model = new FakeGenerator("m");
    @RegisterExtension final TestServer server = new TestServer(model);

    static CompletableFuture<HttpResponse<String>> chat(
            TestServer server, FakeGenerator model, String body, String... headers) {
        model.template =
                Optional.of(
                        ChatTemplate.of(TEMPLATE, Map.of("bos_token", "<s>"), Clock.systemUTC()));
        HttpRequest.Builder request =
                server.request("/v1/chat/completions")
                        .POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return server.send(request);
    }

    private String prompt(Submitted submitted) {
        return model.decode(submitted.request.promptTokens());
    }

    @Test
    void shouldAddSpecialTokensOnlyWhenAsked() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        """
                        {"messages": [{"role": "user", "content": "a"}], "add_special_tokens": true}
                        """);
        Submitted submitted = model.next();
        assertThat(model.encodedSpecial).isTrue();
        submitted.finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @Test
    void shouldTakeNoAlternativesAsAskingForNothing() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        """
                        {"messages": [{"role": "user", "content": "a"}], "logprobs": false,
                         "top_logprobs": 0}
                        """);
        Submitted submitted = model.next();
        assertThat(submitted.request.sampling().logprobs()).isEqualTo(SamplingParams.NO_LOGPROBS);
        submitted.finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @Test
    void shouldAnswerAChatAsOpenAiDoes() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        """
                        {"model": "m", "messages": [{"role": "developer", "content": "S"},
                         {"role": "user", "content": [{"type": "text", "text": "a"},
                                                      {"type": "text", "text": "b"}]}]}
                        """);
        Submitted submitted = model.next();
        assertThat(prompt(submitted)).isEqualTo("<s>[system]S[user]a\nb>");
        assertThat(model.encodedSpecial).isFalse();
        submitted.text("x").text("y").finish(FinishReason.STOP, 2);

        HttpResponse<String> response = TestServer.await(answer);
        assertThat(response.statusCode()).isEqualTo(200);
        JsonObject body = TestServer.json(response);
        assertThat(body.get("id").getAsString()).startsWith("chatcmpl-");
        body.remove("id");
        assertThat(body)
                .hasToString(
                        "{\"object\":\"chat.completion\",\"created\":1234,\"model\":\"m\","
                                + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                                + "\"content\":\"xy\",\"refusal\":null},\"logprobs\":null,"
                                + "\"finish_reason\":\"stop\"}],"
                                + "\"usage\":{\"prompt_tokens\":22,\"completion_tokens\":2,"
                                + "\"total_tokens\":24}}");
    }

    @Test
    void shouldStreamAChatAsOpenAiDoes() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"stream\":true,"
                                + "\"stream_options\":{\"include_usage\":true}}",
                        "X-Request-Id",
                        "r");
        model.next().text("x").text("").finish(FinishReason.LENGTH, 2);
        String head =
                "data: {\"id\":\"chatcmpl-r\",\"object\":\"chat.completion.chunk\","
                        + "\"created\":1234,\"model\":\"m\",\"choices\":[";
        String choice = "{\"index\":0,\"delta\":";
        String tail = ",\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}";
        assertThat(TestServer.await(answer).body().split("\n\n"))
                .containsExactly(
                        head + choice + "{\"role\":\"assistant\",\"content\":\"\"}" + tail,
                        head + choice + "{\"content\":\"x\"}" + tail,
                        head + choice + "{\"content\":\"\"}" + tail,
                        head + choice + "{}" + tail.replace("reason\":null", "reason\":\"length\""),
                        head
                                + "],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":2,"
                                + "\"total_tokens\":13}}",
                        "data: [DONE]");
    }

    @Test
    void shouldGiveSeveralAnswersOfDifferentSeeds() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"n\":2,\"seed\":5}");
        Submitted first = model.next();
        Submitted second = model.next();
        assertThat(List.of(first.request.sampling().seed(), second.request.sampling().seed()))
                .containsExactly(5L, 6L);
        second.text("B").finish(FinishReason.STOP, 1);
        first.text("A").finish(FinishReason.STOP, 3);
        JsonObject body = TestServer.json(TestServer.await(answer));
        assertThat(body.getAsJsonArray("choices"))
                .extracting(
                        choice ->
                                choice.getAsJsonObject()
                                        .getAsJsonObject("message")
                                        .get("content")
                                        .getAsString())
                .containsExactly("A", "B");
        assertThat(body.get("usage"))
                .hasToString("{\"prompt_tokens\":11,\"completion_tokens\":4,\"total_tokens\":15}");
    }

    @Test
    void shouldAnswerUntilTheContextEndsUnlessToldOtherwise() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(server, model, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}");
        Submitted submitted = model.next();
        assertThat(submitted.request.maxTokens()).isEqualTo(FakeGenerator.CONTEXT - 11);
        submitted.finish(FinishReason.STOP, 1);
        TestServer.await(answer);

        model.maxTokens = 50; // less memory than context
        answer = chat(server, model, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}");
        submitted = model.next();
        assertThat(submitted.request.maxTokens()).isEqualTo(50 - 11);
        submitted.finish(FinishReason.STOP, 1);
        TestServer.await(answer);
    }

    @Test
    void shouldGiveToolMessagesAndArgumentsToTheTemplate() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        """
                        {"messages": [{"role": "user", "content": "a"},
                         {"role": "assistant", "content": null, "tool_calls":
                          [{"function": {"arguments": "{\\"x\\": 1}"}}]},
                         {"role": "tool", "content": "42", "tool_call_id": "1"}],
                         "add_generation_prompt": false, "chat_template_kwargs": {"mood": "glad"}}
                        """);
        Submitted submitted = model.next();
        assertThat(prompt(submitted))
                .isEqualTo(
                        "<s>[user]a[assistant][{\"function\": {\"arguments\": {\"x\": 1}}}][tool]42glad");
        submitted.finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    "content": null, "reasoning_content": "hm"                      | [assistant]
                    "content": null, "refusal": "no"                                | [assistant]
                    "content": null, "function_call": {"name": "f", "arguments": ""} | [assistant]
                    "reasoning_content": "hm"                                       | [assistant]
                    "content": null                                                 | [assistant]
                    "name": null, "tool_calls": null                                | [assistant]
                    "tool_calls": []                                                | [assistant]
                    "content": [], "tool_calls": []                                 | [assistant]
                    "content": "", "audio": {"id": "x"}, "unknown": [1]             | [assistant]
                    "content": [{"type": "refusal", "refusal": "no"}]               | [assistant]no
                    "tool_calls": [{"function": {"name": "f", "arguments": ""}}]    | [assistant][{"function": {"name": "f", "arguments": {}}}]
                    """)
    void shouldTakeAHistoryWhoseAssistantSaidNoText(String fields, String prompt) throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                chat(
                        server,
                        model,
                        """
                        {"model": "m", "max_tokens": 2, "messages": [
                         {"role": "user", "content": "a"},
                         {"role": "assistant", %s},
                         {"role": "user", "content": "b"}]}
                        """
                                .formatted(fields));
        Submitted submitted = model.next();
        assertThat(prompt(submitted)).isEqualTo("<s>[user]a" + prompt + "[user]b>");
        submitted.finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @Test
    void shouldSayThatAModelHasNoTemplate() throws Exception {
        HttpResponse<String> response =
                TestServer.await(
                        server.send(
                                server.request("/v1/chat/completions")
                                        .POST(
                                                HttpRequest.BodyPublishers.ofString(
                                                        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"))));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(TestServer.json(response).getAsJsonObject("error"))
                .hasToString(
                        "{\"message\":\"model=m has no chat template; use /v1/completions, or give"
                                + " it one by option.chat_template\",\"type\":"
                                + "\"invalid_request_error\",\"param\":null,"
                                + "\"code\":\"no_chat_template\"}");
    }

    @Test
    void shouldSayWhyAModelsTemplateIsNotRendered() throws Exception {
        model.template =
                Optional.of(ChatTemplate.of("a\n{{ b | nope }}", Map.of(), Clock.systemUTC()));
        HttpResponse<String> response =
                TestServer.await(
                        server.send(
                                server.request("/v1/chat/completions")
                                        .POST(
                                                HttpRequest.BodyPublishers.ofString(
                                                        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"))));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(TestServer.json(response).getAsJsonObject("error").get("code").getAsString())
                .isEqualTo("no_chat_template");
        assertThat(TestServer.json(response).getAsJsonObject("error").get("message").getAsString())
                .startsWith("model=m can't chat: ")
                .contains("line 2: No filter named 'nope'.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {}                             | messages      | messages is missing or empty
                    {"messages": []}               | messages      | messages is missing or empty
                    {"messages": "a"}              | messages      | expected a list of messages
                    {"messages": [5]}              | messages[0]   | messages[0]=5; expected an object
                    {"messages": [{"role": "user"}]} | messages[0].content | is missing; expected a t
                    {"messages": [{"content": "a"}]} | messages[0].role    | is missing; expected one
                    {"messages": [{"role": "user", "content": null}]} | messages[0].content | is missing; expected a t
                    {"messages": [{"role": "assistant", "reasoning_content": 5}]} | messages[0].reasoning_content | expected a string
                    {"messages": [{"role": "assistant", "tool_calls": {}}]} | messages[0].tool_calls | expected a list of calls
                    {"messages": [{"role": "assistant", "tool_calls": [5]}]} | messages[0].tool_calls[0] | =5; expected an object
                    {"messages": [{"role": "assistant", "tool_calls": [{"function": 5}]}]} | messages[0].tool_calls[0].function | is missing
                    {"messages": [{"role": "user", "content": [{"text": "a"}]}]} | messages[0].content[0].type | expected "text"
                    {"messages": [{"role": "user", "content": "a"}], "documents": {}} | documents | a list of objects
                    {"messages": [{"role": "user", "content": "a"}], "documents": [1]} | documents[0] | an object
                    {"messages": [{"role": "x", "content": "a"}]} | messages[0].role | ="x"; expected
                    {"messages": [{"role": "user", "content": 5}]} | messages[0].content | a text, or
                    {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]} | messages[0].content[0].type | ="image_url"; expected "text"
                    {"messages": [{"role": "tool", "content": "a"}]} | messages | says: no tool first
                    {"messages": [{"role": "user", "content": "%s"}]} | messages | context_length=100
                    {"messages": [{"role": "user", "content": "a"}], "top_logprobs": 2} | top_logprobs | as long as logprobs isn't
                    {"messages": [{"role": "user", "content": "a"}], "logprobs": 2} | logprobs | true or false
                    {"messages": [{"role": "user", "content": "a"}], "n": 257} | n | 1 to 256
                    {"messages": [{"role": "user", "content": "a"}], "tools": [{}]} | tools | it isn't done here
                    {"messages": [{"role": "user", "content": "a"}], "tool_choice": {"type": "function"}} | tool_choice | nothing else is done
                    {"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_schema"}} | response_format | one of [text]
                    {"messages": [{"role": "user", "content": "a"}], "modalities": ["audio"]} | modalities | one of [text]
                    {"messages": [{"role": "user", "content": "a"}], "chat_template": "{{ x }}"} | chat_template | it isn't done here
                    {"messages": [{"role": "user", "content": "a"}], "max_completion_tokens": 99} | max_tokens | max_tokens=99 context
                    """)
    void shouldRefuseWhatIsWrongByName(String body, String param, String message) throws Exception {
        HttpResponse<String> response =
                TestServer.await(chat(server, model, body.replace("%s", "x".repeat(100))));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonObject error = TestServer.json(response).getAsJsonObject("error");
        assertThat(error.get("message").getAsString()).contains(message);
        assertThat(error.get("param").getAsString()).isEqualTo(param);
        assertThat(model.idle()).isTrue();
    }
}
