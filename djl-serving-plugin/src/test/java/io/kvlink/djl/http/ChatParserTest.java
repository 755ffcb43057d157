// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class ChatParserTest {

    @Property(tries = 3000)
    void noJsonMakesParseThrowAnythingButBadRequest(@ForAll("almostChats") String body) {
        try {
            ChatRequest request =
                    new ChatParser(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)))
                            .parse();
            assertThat(request.messages()).isNotEmpty();
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
