// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.parse.CompletionRequest.ChatPrompt;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatParserTest {

    private static ChatPrompt parse(String body) {
        CompletionRequest request =
                new ChatParser(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)))
                        .parse();
        assertThat(request.prompts()).hasSize(1);
        return (ChatPrompt) request.prompts().get(0);
    }

    private static Map<String, Object> message(String fields) {
        return parse("{\"messages\": [{%s}]}".formatted(fields)).messages().get(0);
    }

    /** Python's {@code json.loads} reads them so, and vLLM the ones that it can't read. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    {"x": 1}                             | {x=1}
                    "{\\"x\\": 1}"                         | {x=1}
                    ""                                   | {}
                    " \\n"                               | {}
                    null                                 | {}
                    5                                    | {}
                    true                                 | {}
                    [1, "a"]                             | [1, a]
                    "[1, 2.0]"                           | [1, 2.0]
                    "5"                                  | 5
                    "null"                               | null
                    "{\\"x\\": 1"                          | {}
                    "{\\"x\\": 1} y"                       | {}
                    "{'x': 1}"                           | {}
                    {"id": 12345678901234567890}         | {id=12345678901234567890}
                    "{\\"id\\": -98765432109876543210987}" | {id=-98765432109876543210987}
                    "{\\"id\\": 9223372036854775807}"      | {id=9223372036854775807}
                    {"b": 1.0, "a": 1e2, "c": -0, "d": 0.1} | {b=1.0, a=100.0, c=0, d=0.1}
                    {"x": 1e999}                         | {x=Infinity}
                    {"b": {"z": null, "a": [true]}}      | {b={z=null, a=[true]}}
                    {"x": 1, "y": 2, "x": 3}             | {x=3, y=2}
                    """)
    void argumentsAreValues(String given, String read) {
        Map<String, Object> message =
                message(
                        "\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"c\", \"function\": {\"arguments\": %s, \"name\": \"f\"}}]"
                                .formatted(given));
        assertThat(message.get("tool_calls"))
                .hasToString("[{id=c, function={arguments=%s, name=f}}]".formatted(read));
    }

    @Test
    void callsWithoutArgumentsHaveNone() {
        assertThat(
                        message(
                                "\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\"}}]"))
                .hasToString(
                        "{role=assistant, tool_calls=[{function={name=f, arguments={}}}], content=}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    "role": "assistant", "reasoning_content": "hm"      | {role=assistant, reasoning=hm, reasoning_content=hm, content=}
                    "role": "assistant", "reasoning": "hm"              | {role=assistant, reasoning=hm, reasoning_content=hm, content=}
                    "role": "assistant", "thinking": "t", "content": "a" | {role=assistant, thinking=t, content=a}
                    "role": "assistant", "tool_calls": []               | {role=assistant, content=}
                    "role": "tool", "tool_call_id": "1", "name": "f", "content": null | {role=tool, tool_call_id=1, name=f, content=}
                    "tool_call_id": "1", "tool_calls": [{"function": {}}], "reasoning": "r", "role": "user", "content": "a", "name": "Ann" | {role=user, content=a, name=Ann}
                    "role": "developer", "content": "d", "tools": null  | {role=system, content=d}
                    "role": "user", "content": ["a", {"type": "input_text", "text": "b"}] | {role=user, content=a¶b}
                    "role": "user", "content": [{"type": "text", "text": null}, {"type": "text", "text": "b", "cache_control": {}}] | {role=user, content=b}
                    "role": "user", "content": [{"text": "", "type": "text"}, {"type": "text", "text": "b"}] | {role=user, content=¶b}
                    "role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "output_text", "text": "b"}] | {role=assistant, content=t¶b}
                    """)
    void messagesAreAsVllmGivesThem(String given, String read) {
        assertThat(message(given)).hasToString(read.replace('¶', '\n'));
    }

    @Test
    void variablesAreThereAsTransformersGivesThem() {
        String chat = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]%s}";
        assertThat(parse(chat.formatted("")).templateArguments())
                .hasToString("{documents=null, tools=null}");
        assertThat(
                        parse(
                                        chat.formatted(
                                                ", \"chat_template_kwargs\": {\"thinking\": null, \"budget\": 7, \"documents\": []}, \"documents\": [{\"text\": \"x\"}], \"reasoning_effort\": \"high\""))
                                .templateArguments())
                .containsOnly(
                        entry("documents", List.of(Map.of("text", "x"))),
                        entry("tools", null),
                        entry("thinking", null),
                        entry("budget", 7L),
                        entry("reasoning_effort", "high"));
    }

    @Property(tries = 3000)
    void noJsonMakesParseThrowAnythingButBadRequest(@ForAll("almostChats") String body) {
        try {
            assertThat(parse(body).messages()).isNotEmpty();
        } catch (ApiException expected) {
            assertThat(expected.status().code()).isEqualTo(400);
        }
    }

    @Provide
    Arbitrary<String> almostChats() {
        return Arbitraries.of(
                        "{",
                        "}",
                        "[",
                        "]",
                        ",",
                        ":",
                        "null",
                        "true",
                        "1",
                        "1e999",
                        "\"x\"",
                        "\"messages\":",
                        "\"role\":\"user\"",
                        "\"content\":",
                        "\"type\":\"text\"",
                        "\"text\":\"a\"",
                        "\"tool_calls\":",
                        "\"function\":",
                        "\"arguments\":",
                        "\"documents\":",
                        "\"reasoning_effort\":",
                        "\"role\":\"assistant\"",
                        "\"logprobs\":",
                        "\"top_logprobs\":",
                        "\"chat_template_kwargs\":",
                        "\"response_format\":",
                        "{\"role\":\"user\",\"content\":\"a\"}")
                .list()
                .ofMaxSize(16)
                .map(tokens -> "{" + String.join("", tokens));
    }
}
