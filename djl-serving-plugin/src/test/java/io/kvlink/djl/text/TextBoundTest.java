// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextBoundTest {
    private static final long HEAP = 1L << 40;
    private static final String REPLACE_SPACES =
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}";
    // Characters of one to four bytes, composed ones and their parts, and those that forms shorten.
    private static final List<String> LETTERS =
            List.of(
                    "a",
                    "b",
                    " ",
                    "  ",
                    "\n",
                    "e\u0301",
                    "\u00e9",
                    "\u212b",
                    "\u212a",
                    "\u1fbe",
                    "\u0308\u0301",
                    "\u1112\u1161\u11ab",
                    "\uff21",
                    "\ud835\udec2",
                    "\ud83d\ude00",
                    "\u4e2d",
                    "\u0000",
                    "\u200b",
                    "\u1fef",
                    "\u0dd9\u0dcf\u0dca",
                    "<s>");

    @TempDir private Path directory;

    /** A tokenizer of a kind, and how many bytes one of its tokens stands for. */
    record Kind(String name, String normalizer, String preTokenizer, String model, long bytes) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static String bpe(List<String> tokens, String settings) {
        JsonObject model = JsonParser.parseString(settings).getAsJsonObject();
        JsonObject vocab = new JsonObject();
        for (String token : tokens) {
            vocab.addProperty(token, vocab.size());
        }
        JsonArray merges = new JsonArray();
        for (String token : tokens) {
            if (token.length() > 1 && !token.startsWith("<")) {
                merges.add(
                        token.substring(0, token.length() - 1)
                                + " "
                                + token.charAt(token.length() - 1));
            }
        }
        model.addProperty("type", "BPE");
        model.add("vocab", vocab);
        model.add("merges", merges);
        return model.toString();
    }

    private static List<String> fallbackTokens(String... more) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>"));
        for (int value = 0; value < 256; value++) {
            tokens.add("<0x" + HexFormat.of().withUpperCase().toHexDigits((byte) value) + ">");
        }
        tokens.addAll(List.of(more));
        return tokens;
    }

    private static List<String> byteTokens(String... more) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>"));
        int next = 0x100;
        for (int value = 0; value < 256; value++) {
            boolean visible = (value >= '!' && value <= '~') || (value >= 0xa1 && value != 0xad);
            tokens.add(Character.toString(visible ? value : next++));
        }
        tokens.addAll(List.of(more));
        return tokens;
    }

    static Stream<Kind> certain() {
        String fallback =
                bpe(
                        fallbackTokens("a", "\u2581", "\u2581\u2581", "aa", "aaa"),
                        "{\"byte_fallback\":true,\"fuse_unk\":true,\"unk_token\":\"<unk>\"}");
        String bytes = bpe(byteTokens("aa", "\u0120a", "\u0120a\u0120"), "{}");
        String letters =
                bpe(
                        List.of("<unk>", "<s>", "a", "b", "ab", "aba", "abab", "ababa"),
                        "{\"unk_token\":\"<unk>\",\"fuse_unk\":false}");
        return Stream.of(
                new Kind(
                        "byte fallback",
                        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\u2581\"},"
                                + REPLACE_SPACES
                                + "]}",
                        "null",
                        fallback,
                        6),
                new Kind(
                        "byte fallback behind Metaspace",
                        "null",
                        "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"first\",\"split\":false}",
                        fallback,
                        6),
                new Kind(
                        "byte level",
                        "null",
                        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}",
                        bytes,
                        5),
                new Kind(
                        "byte level of composed characters",
                        "{\"type\":\"NFC\"}",
                        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s+\"},"
                                + "\"behavior\":\"Isolated\",\"invert\":false},"
                                + "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]}",
                        bytes,
                        40),
                new Kind(
                        "byte level of compatible lower case",
                        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Lowercase\"}]}",
                        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}",
                        bytes,
                        160),
                new Kind("a token for each unknown character", "null", "null", letters, 5),
                new Kind(
                        "a shorter replacement",
                        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"abab\"},\"content\":\"b\"}",
                        "null",
                        letters,
                        20));
    }

    static Stream<Kind> uncertain() {
        String bytes = bpe(byteTokens(), "{}");
        String level =
                "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}";
        String fused =
                bpe(List.of("<unk>", "<s>", "a"), "{\"unk_token\":\"<unk>\",\"fuse_unk\":true}");
        String dropping = bpe(List.of("<unk>", "<s>", "a"), "{\"byte_fallback\":true}");
        return Stream.of(
                new Kind("unknown ones fused", "null", "null", fused, 0),
                new Kind("unknown ones dropped", "null", "null", dropping, 0),
                new Kind(
                        "a byte is missing",
                        "null",
                        level,
                        bpe(byteTokens().subList(0, 257), "{}"),
                        0),
                new Kind(
                        "trimmed",
                        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}",
                        level,
                        bytes,
                        0),
                new Kind(
                        "spaces collapse",
                        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" +\"},\"content\":\" \"}",
                        level,
                        bytes,
                        0),
                new Kind(
                        "characters replaced by nothing",
                        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"\"}",
                        level,
                        bytes,
                        0),
                new Kind("accents dropped", "{\"type\":\"StripAccents\"}", level, bytes, 0),
                new Kind(
                        "spaces dropped",
                        "null",
                        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},"
                                + level
                                + "]}",
                        bytes,
                        0),
                new Kind(
                        "splits dropped",
                        "null",
                        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
                                + "\"behavior\":\"Removed\",\"invert\":false},"
                                + level
                                + "]}",
                        bytes,
                        0),
                new Kind(
                        "words",
                        "null",
                        "{\"type\":\"Whitespace\"}",
                        "{\"type\":\"WordLevel\",\"vocab\":{\"<unk>\":0,\"<s>\":1},\"unk_token\":\"<unk>\"}",
                        0),
                new Kind(
                        "word pieces",
                        "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                                + "\"strip_accents\":null,\"lowercase\":true}",
                        "{\"type\":\"BertPreTokenizer\"}",
                        "{\"type\":\"WordPiece\",\"vocab\":{\"<unk>\":0,\"<s>\":1},\"unk_token\":\"<unk>\","
                                + "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100}",
                        0),
                new Kind(
                        "pieces with scores",
                        "null",
                        "null",
                        "{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":false,"
                                + "\"vocab\":[[\"<unk>\",0.0],[\"<s>\",0.0],[\"a\",-1.0]]}",
                        0));
    }

    private Path write(Kind kind, boolean trims) throws IOException {
        Files.writeString(
                directory.resolve("tokenizer.json"),
                """
                {"version":"1.0","truncation":null,"padding":null,
                 "added_tokens":[{"id":1,"content":"<s>","single_word":false,"lstrip":%b,
                   "rstrip":false,"normalized":false,"special":true}],
                 "normalizer":%s,"pre_tokenizer":%s,"post_processor":null,"decoder":null,"model":%s}
                """
                        .formatted(trims, kind.normalizer, kind.preTokenizer, kind.model));
        return directory;
    }

    @ParameterizedTest
    @MethodSource("certain")
    void shouldHoldForEveryText(Kind kind) throws IOException {
        TextBound bound = TextBound.of(TokenizerFile.read(write(kind, false)));
        assertThat(bound.bytesOfToken()).hasValue(kind.bytes);
        Random random = new Random(7);
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            for (int i = 0; i < 500; i++) {
                StringBuilder text = new StringBuilder();
                int repeats = 1 + random.nextInt(4);
                for (int length = random.nextInt(12); length > 0; length--) {
                    text.append(LETTERS.get(random.nextInt(LETTERS.size())).repeat(repeats));
                }
                int tokens = tokenizer.encode(text.toString(), false).length;
                assertThat(TextBound.bytes(text))
                        .as("%s", text)
                        .isLessThanOrEqualTo(kind.bytes * tokens);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("uncertain")
    void shouldClaimNothingWhereTextMayVanish(Kind kind) throws IOException {
        TextBound bound = TextBound.of(TokenizerFile.read(write(kind, false)));
        assertThat(bound.bytesOfToken()).isEmpty();
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.encode("a", false)).hasSizeLessThan(2);
        }
        assertThat(bound.maxBytes(10, HEAP)).isEqualTo(64 << 10);
        assertThat(bound.maxBytes(10_000, HEAP)).isEqualTo(640_000);
    }

    /** Spaces beside such a token are one token with it, in any number. */
    @ParameterizedTest
    @MethodSource("certain")
    void shouldClaimNothingOfTokensThatTakeSpaces(Kind kind) throws IOException {
        assertThat(TextBound.of(TokenizerFile.read(write(kind, true))).bytesOfToken()).isEmpty();
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.encode(" ".repeat(500) + "<s>", false)).hasSizeLessThan(3);
        }
    }

    @Test
    void shouldCountAddedTokensAsLongAsTheyAre() throws IOException {
        Kind kind = certain().toList().get(2);
        Path file = write(kind, false).resolve("tokenizer.json");
        Files.writeString(file, Files.readString(file).replace("<s>", "<|begin_of_text|>"));
        assertThat(TextBound.of(TokenizerFile.read(directory)).bytesOfToken()).hasValue(17);
    }

    @Property
    void textsOfTheDemoModelKeepTheBound(@ForAll String text) {
        TextBound bound = TextBound.of(TokenizerFile.read(TinyModels.DEMO));
        try (Tokenizer tokenizer = Tokenizer.load(TinyModels.DEMO)) {
            int tokens = tokenizer.encode(text, false).length;
            assertThat(TextBound.bytes(text))
                    .isLessThanOrEqualTo(bound.bytesOfToken().orElseThrow() * tokens);
        }
    }

    @Property
    void bytesAreThoseOfUtf8(@ForAll String text) {
        // A lone half of a pair becomes one "?".
        assertThat(TextBound.bytes(text)).isEqualTo(text.getBytes(StandardCharsets.UTF_8).length);
    }

    @Test
    void shouldNeverAllowWhatTheHeapCannotTokenise() {
        TextBound bound = new TextBound(OptionalLong.of(128));
        assertThat(bound.maxBytes(1000, HEAP)).isEqualTo(128_000);
        assertThat(bound.maxBytes(131_072, HEAP)).isEqualTo(4 << 20);
        assertThat(bound.maxBytes(131_072, 256L << 20)).isEqualTo(256 << 10);
        assertThat(bound.maxBytes(Integer.MAX_VALUE, HEAP)).isEqualTo(4 << 20);
        assertThat(new TextBound(OptionalLong.of(Long.MAX_VALUE)).maxBytes(2, HEAP))
                .isEqualTo(4 << 20);
        assertThat(new TextBound(OptionalLong.empty()).maxBytes(Integer.MAX_VALUE, HEAP))
                .isEqualTo(4 << 20);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{\"model\":", "{\"added_tokens\":[{]}"})
    void shouldRefuseWhatIsNoJson(String text) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), text);
        assertThatThrownBy(() -> TextBound.of(TokenizerFile.read(directory)))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("tokenizer.json");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"model\":5,\"added_tokens\":{},\"normalizer\":[],\"pre_tokenizer\":\"x\"}",
                "{\"model\":{\"type\":\"BPE\",\"vocab\":7,\"byte_fallback\":true}}"
            })
    void shouldClaimNothingOfAStrangeFile(String text) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), text);
        assertThat(TextBound.of(TokenizerFile.read(directory)).bytesOfToken()).isEmpty();
    }
}
