// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The templates are those of the families' models, or use the same constructs. Their output was
 * compared with Python's Jinja 3.1 as transformers set it up.
 */
class ChatTemplateTest {

    private static final Map<String, Object> SYSTEM = message("system", " Be kind. ");
    private static final Map<String, Object> USER = message("user", "Hi {{ 1+1 }} {% if %} <b>&");
    private static final Map<String, Object> ASSISTANT = message("assistant", "Hello.\n");
    private static final Map<String, Object> BYE = message("user", " Bye ");

    @Test
    void shouldRenderChatMl() {
        assertThat(render("chatml", SYSTEM, USER, ASSISTANT, BYE))
                .isEqualTo(
                        """
                        <|im_start|>system
                         Be kind. <|im_end|>
                        <|im_start|>user
                        Hi {{ 1+1 }} {% if %} <b>&<|im_end|>
                        <|im_start|>assistant
                        Hello.
                        <|im_end|>
                        <|im_start|>user
                         Bye <|im_end|>
                        <|im_start|>assistant
                        """);
    }

    @Test
    void shouldEndWithoutTheBeginningOfAnAnswerIfAsked() {
        assertThat(template("chatml").render(List.of(BYE), false, Map.of()))
                .isEqualTo("<|im_start|>user\n Bye <|im_end|>\n");
    }

    @Test
    void shouldRenderLlama2() {
        assertThat(render("llama2", SYSTEM, USER, ASSISTANT, BYE))
                .isEqualTo(
                        "<s>[INST] <<SYS>>\n Be kind. \n<</SYS>>\n\nHi {{ 1+1 }} {% if %} <b>& [/INST]"
                                + " Hello. </s><s>[INST] Bye [/INST]");
    }

    @Test
    void shouldRenderLlama3() {
        assertThat(render("llama3", SYSTEM, BYE))
                .isEqualTo(
                        "<s><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
                                + "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
                                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
    }

    @Test
    void shouldRenderLlama31WithTheDate() {
        assertThat(render("llama31", BYE))
                .isEqualTo(
                        "<s><|start_header_id|>system<|end_header_id|>\n\n"
                                + "Cutting Knowledge Date: December 2023\n"
                                + "Today Date: 04 Jul 2026\n\n<|eot_id|>"
                                + "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
                                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
    }

    @Test
    void shouldRenderToolMessagesOfLlama31() {
        Map<String, Object> call = new LinkedHashMap<>();
        call.put("name", "add");
        call.put("arguments", Map.of("a", List.of(1L, "\u00fc/<")));
        Map<String, Object> calling = message("assistant", "");
        calling.put("tool_calls", List.of(Map.of("function", call)));
        assertThat(render("llama31", BYE, calling, message("tool", "42")))
                .contains(
                        "<|eot_id|>{\"name\": \"add\", {\"a\": [1, \"\u00fc/<\"]}}"
                                + "<|start_header_id|>ipython<|end_header_id|>\n\n\"42\"<|eot_id|>");
    }

    @Test
    void shouldRenderMistral() {
        assertThat(render("mistral", USER, ASSISTANT, BYE))
                .isEqualTo(
                        "<s>[INST] Hi {{ 1+1 }} {% if %} <b>& [/INST]Hello.\n</s>[INST]  Bye  [/INST]");
    }

    @Test
    void shouldRenderMistralWithANamespace() {
        assertThat(render("mistral3", SYSTEM, USER, ASSISTANT, BYE))
                .isEqualTo(
                        "<s>[INST] Hi {{ 1+1 }} {% if %} <b>&[/INST] Hello.</s>"
                                + "[INST]  Be kind. \n\n Bye [/INST]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "mistral", "mistral3"})
    void shouldPassOnWhatATemplateRefuses(String name) {
        assertThatThrownBy(() -> render(name, USER, USER))
                .isInstanceOf(ChatTemplateException.class)
                .hasMessageStartingWith("the model's chat template says: ")
                .hasMessageContaining("onversation roles must alternate");
    }

    @Test
    void shouldRenderQwen25WithItsOwnSystemMessage() {
        assertThat(render("qwen25", BYE))
                .isEqualTo(
                        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a"
                                + " helpful assistant.<|im_end|>\n<|im_start|>user\n Bye <|im_end|>\n"
                                + "<|im_start|>assistant\n");
    }

    @Test
    void shouldRenderQwen3WithoutOldThoughts() {
        Map<String, Object> thinking = message("assistant", "<think>\nhm\n</think>\n\nHello");
        assertThat(render("qwen3", USER, thinking, BYE))
                .isEqualTo(
                        """
                        <|im_start|>user
                        Hi {{ 1+1 }} {% if %} <b>&<|im_end|>
                        <|im_start|>assistant
                        Hello<|im_end|>
                        <|im_start|>user
                         Bye <|im_end|>
                        <|im_start|>assistant
                        """);
        assertThat(render("qwen3", BYE, thinking))
                .contains("<|im_start|>assistant\n<think>\nhm\n</think>\n\nHello<|im_end|>");
        assertThat(template("qwen3").render(List.of(BYE), true, Map.of("enable_thinking", false)))
                .endsWith("<|im_start|>assistant\n<think>\n\n</think>\n\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            textBlock =
                    """
                    {% set ns = namespace(a=1, b=messages|length - 1) %}{{ ns.a }}{{ ns.b }} ! 11
                    {% set x = 1 %}{% for m in messages %}{% set x = 2 %}{% endfor %}{{ x }} ! 1
                    {{ messages[::-1][0].content }}{{ messages[-1].role }}  ! Byeuser
                    {{ messages[1:]|length }}{{ messages[0].content[:2] }}  ! 1a-
                    {{ 'a-b-c'.split('-')[-1] }}{{ 'a b'.split()|length }}  ! c2
                    {{ 'a.b'.split('.')|join('+') }}{{ 'a.b.c'.split('.', 1)[1] }} ! a+bb.c
                    {{ 'xxaxx'.strip('x') }}{{ ' a'.lstrip() }}{{ 'a '.rstrip() }} ! aaa
                    {{ 'yes' if 'abc'.startswith('ab') else 'no' }}         ! yes
                    {{ 'yes' if 'abc'.endswith('ab') else 'no' }}           ! no
                    {{ 'ab'.upper() }}{{ 'AB'.lower() }}{{ 'a b'.title() }} ! ABabA B
                    {{ 'abab'.replace('a', 'x') }}{{ 'abab'.count('ab') }}  ! xbxb2
                    {{ 'abc'.removeprefix('a').removesuffix('c') }}         ! b
                    {% if messages[0].nothing is defined %}d{% else %}u{% endif %} ! u
                    {% if messages[0].role is string and none is none %}s{% endif %} ! s
                    {% if 'role' in messages[0] and 'x' not in messages[0] %}in{% endif %} ! in
                    {% for m in messages %}{{ loop.index }}{{ loop.index0 }};{% endfor %} ! 10;21;
                    {{ [1, 'x', none]|tojson }}{{ 'a' ~ 1 }}{{ 7 // 2 }}    ! [1, "x", null]a13
                    {{ strftime_now('%Y-%m-%d') }}                          ! 2026-07-04
                    {% macro f(a, b='q') %}{{ a + b }}{% endmacro %}{{ f('x', b='y' + 'z') }} ! xyz
                    {{ nothing }}{{ nothing|default('d') }}{{ bos_token }}  ! d<s>
                    """)
    void shouldRenderAsPythonDoes(String source, String expected) {
        assertThat(
                        of(source)
                                .render(
                                        List.of(message("user", "a-b"), message("user", "Bye")),
                                        true,
                                        Map.of()))
                .isEqualTo(expected);
    }

    @Test
    void shouldTrimAroundBlocksAsTransformersDo() {
        assertThat(
                        of("a\n  {% if true %}\n  b\n  {% endif %}\nc {{ 'd' }}\n e\n")
                                .render(List.of(), true, Map.of()))
                .isEqualTo("a\n  b\nc d\n e");
    }

    @Test
    void shouldNotLookIntoMessages() {
        String hostile =
                "{{ messages }}{% for x in messages %}{{ raise_exception('a') }}{% endfor %}{# c #}";
        assertThat(
                        of("{{ messages[0].content }}")
                                .render(List.of(message("user", hostile)), true, Map.of()))
                .isEqualTo(hostile);
    }

    @Test
    void shouldNotLetArgumentsReplaceWhatTheTemplateIsGiven() {
        Map<String, Object> more =
                Map.of("messages", "x", "bos_token", "y", "add_generation_prompt", "z");
        assertThat(
                        of("{{ bos_token }}{{ messages|length }}{{ 'g' if add_generation_prompt == true }}")
                                .render(List.of(BYE), true, more))
                .isEqualTo("<s>1g");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            textBlock =
                    """
                    {{ messages[0].content.getBytes() }}         ! line 1: no value has a method 'getBytes'
                    {% include 'log4j2.xml' %}                   ! line 1: the tag 'include' needs other files
                    {{ unknown_function(1) }}                    ! fails on these messages: line 1: UndefinedError: 'unknown_function' is undefined
                    {{ 'a' | no_such_filter }}                   ! line 1: No filter named 'no_such_filter'.
                    {% if bos_token is no_such_test %}{% endif %} ! line 1: No test named 'no_such_test'.
                    {{ messages.append(1) }}                     ! SecurityError: access to attribute 'append' of 'list' object is unsafe.
                    """)
    void shouldRefuseWhatItCannotRender(String source, String message) {
        assertThatThrownBy(() -> of(source).render(List.of(BYE), true, Map.of()))
                .isInstanceOf(ChatTemplateException.class)
                .hasMessageContaining(message);
    }

    @Test
    void shouldKeepTheReasonOfATemplateThatItCannotRender() {
        assertThat(of("{{ 1 }}").unsupported()).isEmpty();
        assertThat(of("a\n{% frobnicate %}").unsupported())
                .hasValueSatisfying(
                        reason ->
                                assertThat(reason)
                                        .contains("line 2: Encountered unknown tag 'frobnicate'")
                                        .contains("option.chat_template"));
    }

    @Test
    void shouldTakeNullsInMessagesAndArguments() {
        Map<String, Object> message = message("assistant", "x");
        message.put("content", null);
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("tools", null);
        assertThat(
                        of("{{ messages[0].content }}{{ tools is defined }}{{ tools is none }}")
                                .render(List.of(message), true, more))
                .isEqualTo("NoneTrueTrue");
    }

    @Test
    void shouldFindTheTemplateOfADirectory(@TempDir Path dir) throws IOException {
        assertThat(ChatTemplates.load(dir, Optional.empty())).isEmpty();
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                """
                {"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": "<e>",
                 "unk_token": null, "add_bos_token": true,
                 "chat_template": [{"name": "tool_use", "template": "t"},
                                   {"name": "default", "template": "{{ bos_token }}{{ eos_token }}"}]}
                """);
        assertThat(loaded(dir, Optional.empty())).isEqualTo("<b><e>");
        Files.writeString(dir.resolve("chat_template.jinja"), "own{{ eos_token }}\n");
        assertThat(loaded(dir, Optional.empty())).isEqualTo("own<e>");
        Files.writeString(dir.resolve("other.jinja"), "other");
        assertThat(loaded(dir, Optional.of("other.jinja"))).isEqualTo("other");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"chat_template": {}}                    | chat_template expected=a string
                    {"chat_template": [{"name": "x"}]}       | a template named default
                    [1]                                      | expected=a JSON object
                    """)
    void shouldNameAMalformedFile(String json, String message, @TempDir Path dir)
            throws IOException {
        Files.writeString(dir.resolve("tokenizer_config.json"), json);
        assertThatThrownBy(() -> ChatTemplates.load(dir, Optional.empty()))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("tokenizer_config.json")
                .hasMessageContaining(message);
    }

    @Test
    void shouldNameAMissingFile(@TempDir Path dir) {
        assertThatThrownBy(() -> ChatTemplates.load(dir, Optional.of("none.jinja")))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("none.jinja not readable");
    }

    private static String loaded(Path dir, Optional<String> file) {
        return ChatTemplates.load(dir, file).orElseThrow().render(List.of(), true, Map.of());
    }

    @SafeVarargs
    @SuppressWarnings("varargs") // Read only.
    private static String render(String name, Map<String, Object>... messages) {
        return template(name).render(List.of(messages), true, Map.of());
    }

    private static ChatTemplate template(String name) {
        try (InputStream in = ChatTemplateTest.class.getResourceAsStream(name + ".jinja")) {
            return of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException cause) {
            throw new IllegalStateException(cause);
        }
    }

    private static ChatTemplate of(String source) {
        return ChatTemplate.of(
                source,
                Map.of("bos_token", "<s>", "eos_token", "</s>"),
                Clock.fixed(Instant.parse("2026-07-04T12:00:00Z"), ZoneOffset.UTC));
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }
}
