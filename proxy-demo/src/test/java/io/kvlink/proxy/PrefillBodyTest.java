// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrefillBodyTest {

    @Test
    void shouldAskForOneTokenWithoutStreaming() throws Exception {
        assertThat(
                        of(
                                """
                                {"prompt":"a","max_tokens":7,"max_completion_tokens":9,\
                                "min_tokens":3,"n":2,"stream":true,\
                                "stream_options":{"include_usage":true}}"""))
                .isEqualTo(
                        """
                        {"prompt":"a","max_tokens":1,"max_completion_tokens":1,\
                        "min_tokens":1,"n":1,"stream":false}""");
    }

    @Test
    void shouldAskForOneTokenOfAChat() throws Exception {
        assertThat(
                        of(
                                """
                                {"messages":[{"role":"user","content":"a"}],"n":3,\
                                "max_completion_tokens":9,"stream":true}"""))
                .isEqualTo(
                        """
                        {"messages":[{"role":"user","content":"a"}],"n":1,\
                        "max_completion_tokens":1,"stream":false,"max_tokens":1}""");
    }

    @Test
    void shouldAskForOneAnswerWithoutItsPrompt() throws Exception {
        assertThat(of("{\"prompt\":\"a\",\"n\":2,\"best_of\":2,\"echo\":true}"))
                .isEqualTo(
                        "{\"prompt\":\"a\",\"n\":1,\"best_of\":1,\"echo\":false,"
                                + "\"max_tokens\":1,\"stream\":false}");
        assertThat(of("{\"n\":null,\"best_of\":null,\"echo\":null}"))
                .isEqualTo(
                        "{\"n\":null,\"best_of\":null,\"echo\":null,"
                                + "\"max_tokens\":1,\"stream\":false}");
    }

    /** The token that the prefill instance picks is to be the one that decode would pick. */
    @Test
    void shouldLeaveWhatDecidesOnTheToken() throws Exception {
        String rest =
                "{\"seed\":5,\"temperature\":0.5,\"top_p\":0.9,\"top_k\":4,\"min_p\":0.1,"
                        + "\"repetition_penalty\":1.2,\"presence_penalty\":1,"
                        + "\"frequency_penalty\":1,\"logit_bias\":{\"5\":-1},\"logprobs\":true,"
                        + "\"top_logprobs\":3,\"stop\":[\"a\"],\"stop_token_ids\":[1],"
                        + "\"ignore_eos\":true,\"timeout\":3,"
                        + "\"chat_template_kwargs\":{\"enable_thinking\":false}";
        assertThat(of(rest + "}")).isEqualTo(rest + ",\"max_tokens\":1,\"stream\":false}");
    }

    @Test
    void shouldAddOnlyWhatOneTokenNeeds() throws Exception {
        assertThat(of("{\"prompt\":\"a\"}"))
                .isEqualTo("{\"prompt\":\"a\",\"max_tokens\":1,\"stream\":false}");
    }

    @Test
    void shouldLeaveTheRestAsItWas() throws Exception {
        String rest =
                "{\"seed\":123456789012345678901234567890,\"temperature\":1.10e0,\"x\":1E400,"
                        + "\"stop\":null,\"unknown\":{\"a\":[1,-0,\"<é\\u0001>\"]},\"y\":\"🙂\"";
        assertThat(of(rest + "}")).isEqualTo(rest + ",\"max_tokens\":1,\"stream\":false}");
    }

    @Test
    void shouldKeepHalfASurrogatePairAsAnEscape() throws Exception {
        assertThat(of("{\"prompt\":\"a\\ud83db🙂\"}")).contains("\"a\\ud83db🙂\"");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "[]",
                "1",
                "{",
                "{\"a\":1",
                "{a:1}",
                "{\"a\":NaN}",
                "{\"a\":01}",
                "{} {}",
                "{}x",
                "{\"a\":\"\\x\"}",
                "// c\n{}"
            })
    void shouldRefuseWhatIsNoObject(String body) {
        assertThatThrownBy(() -> of(body))
                .isInstanceOf(PrefillBody.NotAnObjectException.class)
                .hasMessageStartingWith(
                        body.contains("} {") || body.equals("{}x") ? "" : "The body");
    }

    @Test
    void shouldRefuseDeepNesting() {
        assertThatThrownBy(() -> of("{\"a\":" + "[".repeat(100_000)))
                .isInstanceOf(PrefillBody.NotAnObjectException.class);
    }

    @Property
    void noBytesMakeItThrowAnythingElse(@ForAll byte[] bytes) {
        try {
            assertThat(PrefillBody.of(bytes)).isNotEmpty();
        } catch (PrefillBody.NotAnObjectException expected) {
            assertThat(expected).hasMessageMatching("(?s).+");
        }
    }

    private static String of(String body) throws PrefillBody.NotAnObjectException {
        return new String(
                PrefillBody.of(body.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
    }
}
