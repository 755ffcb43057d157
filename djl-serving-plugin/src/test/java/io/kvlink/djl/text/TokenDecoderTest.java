// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class TokenDecoderTest {
    @Provide
    Arbitrary<PromptAndAnswer> tokens() {
        return PromptAndAnswer.any();
    }

    @Property(tries = 1000)
    void piecesJoinedAreWhatTheTokenizerMakesOfAllTokensBehindThePrompt(
            @ForAll("tokens") PromptAndAnswer tokens) {
        TokenDecoder decoder = tokens.tokenizer().newDecoder(tokens.prompt(), false);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < tokens.answer().length; i++) {
            text.append(decoder.append(tokens.answer()[i]));
            assertThat(text + decoder.rest()).isEqualTo(tokens.first(i + 1).text());
        }
        assertThat(text + decoder.rest()).isEqualTo(tokens.text());
    }

    @Property(tries = 500)
    void echoAndAnswerAreWhatTheTokenizerMakesOfAllTokens(
            @ForAll("tokens") PromptAndAnswer tokens) {
        Tokenizer tokenizer = tokens.tokenizer();
        String prompt = tokenizer.decode(tokens.prompt());
        String uncertain = tokenizer.uncertain(tokens.prompt());
        assertThat(prompt).endsWith(uncertain);
        TokenDecoder decoder = tokenizer.newDecoder(tokens.prompt(), true);
        StringBuilder text =
                new StringBuilder(prompt.substring(0, prompt.length() - uncertain.length()));
        for (int token : tokens.answer()) {
            text.append(decoder.append(token));
        }
        assertThat(text + decoder.rest()).isEqualTo(tokenizer.decode(tokens.all()));
    }

    /** A client can join halves of characters. */
    @Property(tries = 1000)
    void bytesOfByteLevelTokensJoinedAreTheText(@ForAll("tokens") PromptAndAnswer tokens) {
        PromptAndAnswer same =
                new PromptAndAnswer(TokenizerKinds.BYTE_LEVEL, tokens.prompt(), tokens.answer());
        Tokenizer tokenizer = same.tokenizer();
        Utf8Reader reader = new Utf8Reader();
        StringBuilder text = new StringBuilder();
        for (int token : same.all()) {
            if (!tokenizer.decode(token).isEmpty()) {
                for (byte each : tokenizer.tokenText(token).bytes()) {
                    reader.read(each, text);
                }
            }
        }
        assertThat(text + (reader.pendingBytes() > 0 ? "\uFFFD" : ""))
                .isEqualTo(tokenizer.decode(same.all()));
    }

    @Property(tries = 60)
    void fewTokensAreDecodedForOneHoweverManyCameBefore(@ForAll("tokens") PromptAndAnswer tokens) {
        if (tokens.kind() == TokenizerKinds.REPLACED_TEXTS || tokens.answer().length == 0) {
            return; // There all of it may change.
        }
        int[] prompt = repeated(tokens.prompt(), 3000);
        int[] answer = repeated(tokens.answer(), 3000);
        TokenDecoder decoder = tokens.tokenizer().newDecoder(prompt, false);
        StringBuilder text = new StringBuilder();
        for (int token : answer) {
            text.append(decoder.append(token));
        }
        assertThat(text + decoder.rest())
                .isEqualTo(new PromptAndAnswer(tokens.kind(), prompt, answer).text());
        // Not a byte: a row of those is decoded when it ends, once.
        decoder.append(PromptAndAnswer.ids(tokens.kind(), List.of("x"))[0]);
        assertThat(decoder.windowTokens()).isLessThan(16);
    }

    private static int[] repeated(int[] tokens, int length) {
        return IntStream.range(0, tokens.length == 0 ? 0 : length)
                .map(i -> tokens[i % tokens.length])
                .toArray();
    }

    @Test
    void shouldGiveTheSpaceAfterThePrompt() {
        assertThat(pieces(TokenizerKinds.BYTE_FALLBACK, List.of("x"), "▁Leo", "▁is", "."))
                .containsExactly(" Leo", " is", ".", "");
        assertThat(pieces(TokenizerKinds.METASPACE_ALWAYS, List.of("x"), "▁Leo", "▁is", "."))
                .containsExactly(" Leo", " is", ".", "");
        assertThat(pieces(TokenizerKinds.BYTE_FALLBACK, List.of("w"), "▁▁▁▁", "return"))
                .containsExactly("    ", "return", "");
    }

    @Test
    void shouldStripTheFirstSpaceOfAllOnly() {
        assertThat(pieces(TokenizerKinds.BYTE_FALLBACK, List.of("<s>", "</s>"), "▁Leo", "▁is"))
                .containsExactly("Leo", " is", "");
        assertThat(pieces(TokenizerKinds.STRIP_THREE, List.of("▁", "<s>"), "▁", "▁▁", "x"))
                .containsExactly("", " ", "x", "");
    }

    /** A decoder would strip the first three of so many spaces again. */
    @Test
    void shouldNotForgetThatTheTextHasBegun() {
        String[] spaces = new String[20];
        Arrays.fill(spaces, "▁");
        assertThat(pieces(TokenizerKinds.STRIP_THREE, List.of("x"), spaces))
                .hasSize(21)
                .filteredOn(piece -> piece.equals(" "))
                .hasSize(20);
    }

    @Test
    void shouldHoldBytesBackUntilNoFurtherOneCanChangeThem() {
        String[] smiley = {"<0xF0>", "<0x9F>", "<0x98>", "<0x80>"};
        assertThat(pieces(TokenizerKinds.BYTE_FALLBACK, List.of("y"), smiley))
                .containsExactly("", "", "", "", "😀");
        assertThat(
                        pieces(
                                TokenizerKinds.BYTE_FALLBACK,
                                List.of("y", "<0xF0>", "<0x9F>"),
                                "<0x98>",
                                "<s>",
                                "<0x80>",
                                "ok"))
                .containsExactly("", "", "", "😀ok", "");
        // One byte that fits nowhere spoils all in its row, as the tokenizer has it.
        assertThat(pieces(TokenizerKinds.BYTE_FALLBACK, List.of("y"), "<0x41>", "<0xFF>", "ok"))
                .containsExactly("", "", "\uFFFD\uFFFDok", "");
    }

    @Test
    void shouldGiveTextAtTheEndWhereAnyTokenMayChangeIt() {
        assertThat(pieces(TokenizerKinds.REPLACED_TEXTS, List.of("y", "a"), "b", "▁is", "y"))
                .containsExactly("", "", "", "isy");
        // Half of a character in common is nothing in common.
        assertThat(pieces(TokenizerKinds.REPLACED_TEXTS, List.of("y", "😀"), "x"))
                .containsExactly("", "😁");
    }

    @Test
    void shouldTellWhichCharactersOfBytesAreWhole() {
        PromptAndAnswer tokens =
                new PromptAndAnswer(
                        TokenizerKinds.BYTE_FALLBACK,
                        new int[0],
                        PromptAndAnswer.ids(
                                TokenizerKinds.BYTE_FALLBACK,
                                List.of("<0xE9>", "<0xBE>", "<0x8D>", "<0x0A>", "<0xF0>", "x")));
        TokenDecoder decoder = tokens.tokenizer().newDecoder(tokens.prompt(), false);
        List<String> ahead = new ArrayList<>();
        for (int token : tokens.answer()) {
            decoder.append(token);
            ahead.add(decoder.ahead().toString());
        }
        assertThat(ahead).containsExactly("", "", "龍", "龍\n", "龍\n", "");
    }

    private static List<String> pieces(TokenizerKinds kind, List<String> prompt, String... answer) {
        PromptAndAnswer tokens =
                new PromptAndAnswer(
                        kind,
                        PromptAndAnswer.ids(kind, prompt),
                        PromptAndAnswer.ids(kind, List.of(answer)));
        TokenDecoder decoder = tokens.tokenizer().newDecoder(tokens.prompt(), false);
        List<String> pieces = new ArrayList<>();
        for (int token : tokens.answer()) {
            pieces.add(decoder.append(token));
        }
        pieces.add(decoder.rest());
        assertThat(String.join("", pieces)).isEqualTo(tokens.text());
        return pieces;
    }
}
