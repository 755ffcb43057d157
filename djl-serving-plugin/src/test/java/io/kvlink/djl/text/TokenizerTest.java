// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.JsonFields;
import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
    // One for all tests and tries; the native tokenizer goes with the JVM.
    private static final Tokenizer TOKENIZER = Tokenizer.load(TinyModels.DEMO);

    private static final String LLAMA3_SPLIT =
            """
            {"type": "Sequence", "pretokenizers": [
              {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}|\
             ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"}},
              {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
               "use_regex": false}]}
            """;

    private static final int[] NO_PROMPT = {};

    @TempDir private Path directory;

    @Test
    void shouldAddWhatThePostProcessorSays() {
        int[] plain = TOKENIZER.encode("Leo is here.", false);
        int[] special = TOKENIZER.encode("Leo is here.");
        assertThat(special).hasSize(plain.length + 1).startsWith(1).endsWith(plain);
        assertThat(TOKENIZER.decode(special)).isEqualTo("Leo is here.");
    }

    @Test
    void shouldNotReturnHalfACharacter() {
        String text = "a\u00e9\u4e2d\ud83d\ude00b";
        int[] tokens = TOKENIZER.encode(text, false);
        assertThat(tokens).hasSizeGreaterThan(text.length());
        TokenDecoder decoder = TOKENIZER.newDecoder(NO_PROMPT, false);
        StringBuilder joined = new StringBuilder();
        for (int token : tokens) {
            String piece = decoder.append(token);
            assertThat(piece).doesNotContain("\ufffd");
            assertThat(
                            piece.isEmpty()
                                    || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)))
                    .isTrue();
            joined.append(piece);
        }
        assertThat(decoder.rest()).isEmpty();
        assertThat(joined).hasToString(text);
    }

    @Test
    void shouldReturnAnUnfinishedCharacterAtTheEnd() {
        int[] tokens = TOKENIZER.encode("\u4e2d", false);
        TokenDecoder decoder = TOKENIZER.newDecoder(NO_PROMPT, false);
        assertThat(decoder.append(tokens[0])).isEmpty();
        assertThat(decoder.rest()).isEqualTo("\ufffd");
    }

    @Property
    void streamedTextIsTheWholeText(@ForAll String text) {
        assertThat(streamed(TOKENIZER.encode(text)))
                .isEqualTo(TOKENIZER.decode(TOKENIZER.encode(text)));
    }

    @Property
    void streamedTextIsTheWholeTextForAnyTokens(
            @ForAll @Size(max = 40) List<@IntRange(min = 0, max = 1023) Integer> ids) {
        int[] tokens = ids.stream().mapToInt(Integer::intValue).toArray();
        assertThat(streamed(tokens)).isEqualTo(TOKENIZER.decode(tokens));
    }

    /** Tokens 3 to 258 are the single bytes: mostly no UTF-8 at all. */
    @Property
    void streamedTextIsTheWholeTextForAnyBytes(
            @ForAll @Size(max = 40) List<@IntRange(min = 130, max = 258) Integer> ids) {
        int[] tokens = ids.stream().mapToInt(Integer::intValue).toArray();
        assertThat(streamed(tokens)).isEqualTo(TOKENIZER.decode(tokens));
    }

    /** The files of Llama 3 and Qwen have this form: a split by their expression, tokens added. */
    @Test
    void shouldKnowAddedTokens() throws IOException {
        JsonObject json =
                JsonFields.parse("", JsonFields.text(TinyModels.DEMO.resolve("tokenizer.json")))
                        .json();
        JsonArray added = json.getAsJsonArray("added_tokens");
        added.add(addedToken(1024, "<|im_end|>", true));
        added.add(addedToken(1025, "<tool_call>", false));
        json.add("pre_tokenizer", JsonParser.parseString(LLAMA3_SPLIT));
        Files.writeString(directory.resolve("tokenizer.json"), json.toString());
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            int[] tokens = tokenizer.encode("Leo<|im_end|> is\n\n<tool_call>1234", false);
            assertThat(tokens).contains(1024, 1025);
            assertThat(tokenizer.decode(tokens)).isEqualTo("Leo is\n\n<tool_call>1234");
            TokenDecoder decoder = tokenizer.newDecoder(NO_PROMPT, false);
            StringBuilder text = new StringBuilder();
            for (int token : tokens) {
                text.append(decoder.append(token));
            }
            assertThat(text.append(decoder.rest())).hasToString(tokenizer.decode(tokens));
        }
    }

    private static JsonObject addedToken(int id, String content, boolean special) {
        JsonObject token = new JsonObject();
        token.addProperty("id", id);
        token.addProperty("content", content);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
            token.addProperty(flag, false);
        }
        token.addProperty("special", special);
        return token;
    }

    @Test
    void shouldRefuseWhatIsNoTokenizer() throws IOException {
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("tokenizer.json missing");
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\":1}");
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("expected=a tokenizer");
    }

    private static String streamed(int[] tokens) {
        TokenDecoder decoder = TOKENIZER.newDecoder(NO_PROMPT, false);
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(decoder.append(token));
        }
        return text.append(decoder.rest()).toString();
    }
}
