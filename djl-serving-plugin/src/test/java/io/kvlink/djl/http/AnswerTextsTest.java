// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.model.ChainModels;
import io.kvlink.djl.text.PromptAndAnswer;
import io.kvlink.djl.text.TokenizerKinds;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Texts of answers from a request to its answer, for a tokenizer as that of Llama 2. */
@Timeout(120)
class AnswerTextsTest {

    private static final TokenizerKinds KIND = TokenizerKinds.BYTE_FALLBACK;

    @TempDir static Path directory;
    private static LlamaWorker worker;

    @RegisterExtension final TestServer server = new TestServer(worker);

    @BeforeAll
    static void startModel() throws Exception {
        Path model =
                ChainModels.write(
                        directory.resolve("model"),
                        KIND,
                        List.of(
                                List.of("x", "▁Leo", "▁is", "▁happy", ".", "</s>"),
                                List.of("y", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "▁ok", "</s>"),
                                List.of("z", "<0xE9>", "<0xBE>", "<0x8D>", "▁end", "</s>"),
                                List.of("w", "▁▁▁▁", "return", "</s>")));
        Files.writeString(
                model.resolve("tokenizer_config.json"),
                "{\"chat_template\": \"{{ messages[0].content }}\"}");
        worker =
                LlamaWorker.start(
                        WorkerConfig.of(model, Map.of("model_name", "m")),
                        AnswerTextsTest.class.getClassLoader());
    }

    @AfterAll
    static void stopModel() {
        worker.close();
    }

    private static Arguments row(String prompt, String fields, String text) {
        return Arguments.of(prompt, fields, text);
    }

    private static Stream<Arguments> requests() {
        String half = ids("<s>", "y", "<0xF0>", "<0x9F>", "<0x98>");
        String spoilt = ids("<s>", "<0xF0>", "<0xF0>");
        return Stream.of(
                row("'say x'", "", " Leo is happy."),
                row("'say x'", ",'echo':true", "say x Leo is happy."),
                row("'say x'", ",'stop':[' Leo']", ""),
                row("'say x'", ",'stop':['o is']", " Le"),
                row("'say x'", ",'stop':[' Leo'],'min_tokens':2", " Leo is happy."),
                row("'say w'", "", "    return"),
                row("'say w'", ",'stop':['  ']", ""),
                row("'say y'", "", "😀 ok"),
                row("'say y'", ",'stop':['😀']", ""),
                row("'say y'", ",'stop':['😀 o'],'echo':true", "say y"),
                row("'say y'", ",'max_tokens':3", "\uFFFD\uFFFD\uFFFD"),
                row("'say y'", ",'max_tokens':4", "😀"),
                row("'say z'", "", "龍 end"),
                row("'say z'", ",'echo':true", "say z龍 end"),
                row("'say 龍z'", ",'echo':true", "say 龍z龍 end"),
                // A prompt that ends with half a character, or with bytes that are none.
                row(half, "", "😀 ok"),
                row(half, ",'echo':true", "y😀 ok"),
                row(half, ",'echo':true,'max_tokens':1", "y😀"),
                row(spoilt, ",'max_tokens':1", "\uFFFD"),
                row(spoilt, ",'max_tokens':1,'echo':true", "\uFFFD\uFFFD\uFFFD"));
    }

    @ParameterizedTest
    @MethodSource("requests")
    void shouldBeWhatTheTokenizerMakesOfAllTokens(String prompt, String fields, String text)
            throws Exception {
        assertThat(complete(prompt, fields).get("text").getAsString()).isEqualTo(text);
        String streamed =
                stream(prompt, fields).stream()
                        .map(choice -> choice.get("text").getAsString())
                        .collect(Collectors.joining());
        assertThat(streamed).isEqualTo(text);
    }

    @Test
    void shouldEndWithTheTokenThatCompletesTheStopString() throws Exception {
        JsonObject answer = post("'say y'", ",'stop':['😀']");
        assertThat(answer.getAsJsonObject("usage").get("completion_tokens").getAsInt())
                .isEqualTo(4);
        assertThat(choice(answer).get("finish_reason").getAsString()).isEqualTo("stop");
    }

    /** Python counts an answer's text so; a character's tokens all begin where it does. */
    @Test
    void shouldTellWhereTokensBegin() throws Exception {
        String[] expected = {
            "bytes:\\xf0", "bytes:\\x9f", "bytes:\\x98", "bytes:\\x80", " ok", "</s>"
        };
        JsonObject logprobs =
                complete("'say y'", ",'logprobs':2").get("logprobs").getAsJsonObject();
        assertThat(logprobs.get("text_offset")).hasToString("[0,0,0,0,1,4]");
        List<String> tokens = new ArrayList<>();
        logprobs.getAsJsonArray("tokens").forEach(token -> tokens.add(token.getAsString()));
        assertThat(tokens).containsExactly(expected);
        for (int i = 0; i < expected.length; i++) {
            JsonObject top = logprobs.getAsJsonArray("top_logprobs").get(i).getAsJsonObject();
            assertThat(top.size()).isGreaterThanOrEqualTo(2);
            assertThat(top.get(expected[i]))
                    .isEqualTo(logprobs.getAsJsonArray("token_logprobs").get(i));
        }
        List<String> offsets = new ArrayList<>();
        for (JsonObject choice : stream("'say y'", ",'logprobs':2")) {
            if (choice.get("logprobs").isJsonObject()) {
                offsets.add(choice.getAsJsonObject("logprobs").get("text_offset").toString());
            }
        }
        assertThat(offsets).containsExactly("[0]", "[0]", "[0]", "[0]", "[1]", "[4]");
    }

    @Test
    void shouldTellBytesThatAClientCanJoin() throws Exception {
        String body =
                "{'messages':[{'role':'user','content':'say y'}],'temperature':0,'max_tokens':5,"
                        + "'logprobs':true,'top_logprobs':1}";
        JsonObject answer =
                TestServer.json(
                        TestServer.await(
                                server.send(
                                        server.request("/v1/chat/completions")
                                                .POST(
                                                        HttpRequest.BodyPublishers.ofString(
                                                                body.replace('\'', '"'))))));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        List<String> tokens = new ArrayList<>();
        for (JsonElement entry :
                choice(answer).getAsJsonObject("logprobs").getAsJsonArray("content")) {
            JsonObject token = entry.getAsJsonObject();
            tokens.add(token.get("token").getAsString());
            token.getAsJsonArray("bytes").forEach(each -> bytes.write(each.getAsInt()));
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo("😀 ok");
        assertThat(tokens).containsExactly("\uFFFD", "\uFFFD", "\uFFFD", "\uFFFD", " ok");
        assertThat(choice(answer).getAsJsonObject("message").get("content").getAsString())
                .isEqualTo("😀 ok");
    }

    private JsonObject complete(String prompt, String fields) throws Exception {
        return choice(post(prompt, fields));
    }

    private JsonObject post(String prompt, String fields) throws Exception {
        return TestServer.json(TestServer.await(server.complete(body(prompt, fields))));
    }

    private List<JsonObject> stream(String prompt, String fields) throws Exception {
        String events =
                TestServer.await(server.complete(body(prompt, fields + ",'stream':true"))).body();
        return Stream.of(events.split("\n\n"))
                .map(event -> event.replaceFirst("^data: ", ""))
                .filter(event -> !event.equals("[DONE]"))
                .map(event -> choice(JsonParser.parseString(event).getAsJsonObject()))
                .toList();
    }

    private static String body(String prompt, String fields) {
        String most = fields.contains("max_tokens") ? "" : ",'max_tokens':9";
        return ("{'model':'m','prompt':" + prompt + ",'temperature':0" + most + fields + "}")
                .replace('\'', '"');
    }

    private static JsonObject choice(JsonObject answer) {
        return answer.getAsJsonArray("choices").get(0).getAsJsonObject();
    }

    private static String ids(String... tokens) {
        return Arrays.toString(PromptAndAnswer.ids(KIND, List.of(tokens)));
    }
}
