// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.kvlink.proxy.fleet.AskedModel;
import io.kvlink.proxy.fleet.HeartbeatCodec;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
    void shouldLeaveWhiteSpaceAndEscapesAsTheyWere() throws Exception {
        assertThat(of(" {\n \"a\" :\t\"\\u0041\\/\" ,\r\n \"n\" : 3 }\n"))
                .isEqualTo(
                        " {\n \"a\" :\t\"\\u0041\\/\" ,\r\n \"n\" : 1,"
                                + "\"max_tokens\":1,\"stream\":false }\n");
        assertThat(of("\ufeff{ }")).isEqualTo("\ufeff{\"max_tokens\":1,\"stream\":false }");
    }

    @Test
    void shouldKnowNamesHoweverTheyAreWritten() throws Exception {
        assertThat(of("{\"max\\u005ftokens\":7,\"\\u0073\\u0074ream\":true,\"\\u006E\":3}"))
                .isEqualTo("{\"max\\u005ftokens\":1,\"\\u0073\\u0074ream\":false,\"\\u006E\":1}");
        assertThat(of("{\"stream_option\\u0073\":{},\"max_tokens\":1,\"stream\":false}"))
                .isEqualTo("{\"max_tokens\":1,\"stream\":false}");
        assertThat(of("{\"max_tokens\\n\":7,\"Stream\":true,\"max_tokens\":1,\"stream\":true}"))
                .isEqualTo(
                        "{\"max_tokens\\n\":7,\"Stream\":true,\"max_tokens\":1,\"stream\":false}");
    }

    /** An instance may take the first or the last of them. */
    @Test
    void shouldChangeEachOfSeveralFieldsOfOneName() throws Exception {
        assertThat(
                        of(
                                "{\"stream\":true,\"n\":2,\"n\":null,\"stream\":true,"
                                        + "\"max_tokens\":null,\"max_tokens\":5,\"n\":[4]}"))
                .isEqualTo(
                        "{\"stream\":false,\"n\":1,\"n\":null,\"stream\":false,"
                                + "\"max_tokens\":1,\"max_tokens\":1,\"n\":1}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{S}|{M}",
                "{S,S}|{M}",
                "{S,'a':1}|{'a':1,M}",
                "{ S , 'a':1}|{'a':1,M}",
                "{'a':1,S}|{'a':1,M}",
                "{'a':1 , S , 'b':2}|{'a':1 , 'b':2,M}",
                "{S,'a':1,S,S,'b':2,S}|{'a':1,'b':2,M}"
            })
    void shouldTakeStreamOptionsOutWithTheirComma(String body, String expected) throws Exception {
        String options = "\"stream_options\":{\"include_usage\":[true,{}]}";
        String added = "\"max_tokens\":1,\"stream\":false";
        assertThat(of(body.replace("S", options).replace('\'', '"')))
                .isEqualTo(expected.replace("M", added).replace('\'', '"'));
    }

    @Test
    void shouldTouchNothingDeeper() throws Exception {
        String inner = "{\"x\":{\"max_tokens\":9,\"stream\":true,\"stream_options\":1}";
        assertThat(of(inner + "}")).isEqualTo(inner + ",\"max_tokens\":1,\"stream\":false}");
    }

    @Test
    void shouldReadLargeBodies() throws Exception {
        int many = 1_000_000;
        for (String body :
                List.of(
                        "{\"prompt\":[" + "12345,".repeat(many) + "1]",
                        "{" + "\"k\":1,".repeat(many) + "\"l\":2",
                        "{" + "\"n\":12,".repeat(many) + "\"n\":12",
                        "{\"a\":[" + "{},[],".repeat(many) + "0]",
                        "{\"a\":" + "9".repeat(5 * many),
                        "{\"" + "x".repeat(5 * many) + "\":\"" + "\\u0041".repeat(many) + "\"")) {
            String expected = body.replace("\"n\":12", "\"n\":1");
            assertThat(of(body + "}").equals(expected + ",\"max_tokens\":1,\"stream\":false}"))
                    .as(body.substring(0, 20))
                    .isTrue();
        }
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

    @ParameterizedTest
    @CsvSource({"[,]", "{\"b\":,}"})
    void shouldRefuseDeepNesting(String open, String close) throws Exception {
        int most = JsonText.MAX_DEPTH - 1;
        String inner = open.equals("[") ? "" : "1";
        assertThat(of("{\"a\":" + open.repeat(most) + inner + close.repeat(most) + "}"))
                .contains("max_tokens");
        for (int depth : new int[] {most + 1, 1_000_000}) {
            assertThatThrownBy(() -> of("{\"a\":" + open.repeat(depth)))
                    .isInstanceOf(PrefillBody.NotAnObjectException.class)
                    .hasMessageContaining("deeper than 255");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // A lone continuation, a long form, half a surrogate pair, beyond Unicode, cut off.
                "\u0080",
                "\u00c0\u00af",
                "\u00e0\u0080\u00af",
                "\u00ed\u00a0\u0080",
                "\u00f4\u0090\u0080\u0080",
                "\u00f5\u0080\u0080\u0080",
                "\u00c3",
                "\u00e2\u0082",
                "\u00f0\u009f\u0098",
                "\u00ff"
            })
    void shouldRefuseWhatIsNoUtf8(String bytes) {
        for (String body : List.of("{\"a\":\"" + bytes + "\"}", "{\"" + bytes + "\":1}")) {
            assertThatThrownBy(() -> PrefillBody.of(body.getBytes(StandardCharsets.ISO_8859_1)))
                    .isInstanceOf(PrefillBody.NotAnObjectException.class)
                    .hasMessage("The body is no UTF-8 text.");
        }
    }

    /** Gson builds a tree, which is slow and right. */
    @Property
    void everyTextIsJudgedAndEditedAsByATree(@ForAll("texts") String text) {
        String body = text.replace('\'', '"');
        Optional<JsonElement> expected = edited(body);
        try {
            JsonElement actual = JsonParser.parseString(of(body));
            assertThat(Optional.of(actual)).isEqualTo(expected);
        } catch (PrefillBody.NotAnObjectException refused) {
            assertThat(expected).as(body).isEmpty();
        }
    }

    @Provide
    Arbitrary<String> texts() {
        return Arbitraries.of(
                        "{",
                        "}",
                        "[",
                        "]",
                        ",",
                        ":",
                        " ",
                        "'n'",
                        "'stream'",
                        "'max_tokens'",
                        "'stream_options'",
                        "'a'",
                        "'\\u006e'",
                        "'\\x'",
                        "1",
                        "-0",
                        "01",
                        "1.5e3",
                        "1.",
                        "-",
                        "true",
                        "null",
                        "nul",
                        "'é🙂'",
                        "'",
                        "'n':2",
                        "'a':[1,{}]",
                        "{'a':1",
                        "'stream_options':{'b':[]}",
                        "'n':null",
                        "'stream':true",
                        "\t")
                .list()
                .ofMaxSize(8)
                .map(parts -> "{" + String.join("", parts) + "}");
    }

    private static Optional<JsonElement> edited(String body) {
        try (JsonReader reader = new JsonReader(new StringReader(body))) {
            reader.setStrictness(Strictness.STRICT);
            JsonObject tree = new Gson().getAdapter(JsonObject.class).read(reader);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                return Optional.empty();
            }
            tree.addProperty("max_tokens", 1);
            tree.addProperty("stream", false);
            tree.remove("stream_options");
            if (tree.has("n") && !tree.get("n").isJsonNull()) {
                tree.addProperty("n", 1);
            }
            return Optional.of(tree);
        } catch (IOException | JsonParseException | IllegalStateException cause) {
            return Optional.empty();
        }
    }

    @Property
    void noBytesMakeItThrowAnythingElse(@ForAll byte[] bytes) {
        try {
            assertThat(PrefillBody.of(bytes).bytes()).isNotEmpty();
        } catch (PrefillBody.NotAnObjectException expected) {
            assertThat(expected).hasMessageMatching("(?s).+");
        }
    }

    /** An instance takes the last text as the model; a null says nothing. */
    @Property
    void theModelIsTheOneThatAStreamingReaderFinds(@ForAll("models") String text) throws Exception {
        String body = text.replace('\'', '"');
        AskedModel expected = new AskedModel.Absent();
        JsonReader reader = new JsonReader(new StringReader(body));
        reader.beginObject();
        while (reader.hasNext()) {
            if (!reader.nextName().equals("model") || reader.peek() == JsonToken.NULL) {
                reader.skipValue();
            } else if (reader.peek() != JsonToken.STRING) {
                expected = new AskedModel.Malformed();
                break;
            } else {
                expected = AskedModel.of(reader.nextString());
            }
        }
        assertThat(PrefillBody.of(body.getBytes(StandardCharsets.UTF_8)).model())
                .as(body)
                .isEqualTo(expected);
    }

    @Provide
    Arbitrary<String> models() {
        return Arbitraries.of(
                        "'model':'a'",
                        "'model':'é🙂\\n\\\"\\u00e9\\ud83d\\ude42/\\/'",
                        "'\\u006dodel' : '\\u0062' ",
                        "'model':''",
                        "'model':null",
                        "'model':5",
                        "'model':{'model':'c'}",
                        "'a':{'model':'c'}",
                        "'Model':'d'",
                        "'n':3",
                        "'stream_options':{}")
                .list()
                .ofMaxSize(6)
                .map(parts -> "{" + String.join(",", parts) + "}");
    }

    @Test
    void shouldTakeTheBeginningOfAModelsNameThatNobodyHas() throws Exception {
        for (String piece : List.of("x", "é", "🙂", "\\n", "\\u00e9")) {
            String body = "{\"model\":\"" + piece.repeat(200_000) + "\"}";
            AskedModel model = PrefillBody.of(body.getBytes(StandardCharsets.UTF_8)).model();
            String one = JsonParser.parseString("\"" + piece + "\"").getAsString();
            assertThat(model)
                    .isInstanceOfSatisfying(
                            AskedModel.Named.class,
                            named -> {
                                int times = named.name().length() / one.length();
                                assertThat(named.name()).isEqualTo(one.repeat(times));
                                assertThat(times).isBetween(HeartbeatCodec.MAX_BYTES / 2, 20_000);
                            });
        }
    }

    private static String of(String body) throws PrefillBody.NotAnObjectException {
        return new String(
                PrefillBody.of(body.getBytes(StandardCharsets.UTF_8)).bytes(),
                StandardCharsets.UTF_8);
    }
}
