// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.http.answer.ApiException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

class CompletionParserTest {

    @Property(tries = 2000)
    void noBytesMakeParseThrowAnythingButBadRequest(@ForAll byte[] body) {
        parse(body);
    }

    @Property(tries = 5000, shrinking = ShrinkingMode.BOUNDED)
    void noJsonMakesParseThrowAnythingButBadRequest(@ForAll("almostRequests") String body) {
        parse(body.getBytes(StandardCharsets.UTF_8));
    }

    private static void parse(byte[] body) {
        try {
            CompletionRequest request =
                    new CompletionParser(new ByteArrayInputStream(body), 1000).parse();
            assertThat(request.prompts()).isNotEmpty();
        } catch (ApiException expected) {
            assertThat(expected.status().code()).isEqualTo(400);
        }
    }

    @Provide
    Arbitrary<String> almostRequests() {
        Arbitrary<String> token =
                Arbitraries.of(
                        "{",
                        "}",
                        "[",
                        "]",
                        ",",
                        ":",
                        "\"",
                        "null",
                        "true",
                        "1",
                        "-1",
                        "1e9999",
                        "1e-99999999999",
                        "\"prompt\":",
                        "\"max_tokens\":",
                        "\"seed\":",
                        "\"stop\":",
                        "\"stream_options\":",
                        "\"logit_bias\":",
                        "\"n\":",
                        "\"logprobs\":",
                        "\"best_of\":",
                        "\"stop_token_ids\":",
                        "\"min_p\":",
                        "\"timeout\":",
                        "\"5\":",
                        "\"top_p\":",
                        "\"echo\":",
                        "\"suffix\":",
                        "\"x\"",
                        "\\u",
                        "\u00e9",
                        "[[");
        return token.list().ofMinSize(0).ofMaxSize(14).map(CompletionParserTest::join);
    }

    private static String join(List<String> tokens) {
        return "{" + String.join("", tokens);
    }
}
