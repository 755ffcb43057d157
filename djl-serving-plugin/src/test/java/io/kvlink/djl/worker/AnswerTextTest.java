// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.text.PromptAndAnswer;
import io.kvlink.djl.text.TokenizerKinds;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class AnswerTextTest {

    @Provide
    Arbitrary<PromptAndAnswer> tokens() {
        // Where any token may change all text, a stop string is found at the end only.
        return PromptAndAnswer.any().filter(any -> any.kind() != TokenizerKinds.REPLACED_TEXTS);
    }

    @Provide
    Arbitrary<Set<String>> stops() {
        return Arbitraries.of(
                        " ", "o", " Leo", "eo is", "😀", "龍", "a", "ab", "\n", "y😀", "是", "A")
                .set()
                .ofMaxSize(3);
    }

    /** Index of the first complete stop string; -1 if there is none. */
    private static int firstStop(String text, Set<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            String seen = text.substring(0, end);
            int start =
                    stops.stream()
                            .filter(seen::endsWith)
                            .mapToInt(stop -> seen.length() - stop.length())
                            .min()
                            .orElse(-1);
            if (start >= 0) {
                return start;
            }
        }
        return -1;
    }

    @Property(tries = 500)
    void anAnswerEndsWithTheFirstTokenAtWhichItsTextHasAStopString(
            @ForAll("tokens") PromptAndAnswer tokens, @ForAll("stops") Set<String> stops) {
        String expected = tokens.text();
        int expectedTokens = tokens.answer().length;
        for (int count = 0; count <= tokens.answer().length; count++) {
            String text = tokens.first(count).text();
            boolean last = count == tokens.answer().length;
            // Half a character isn't looked at before it is certain that it stays one.
            int stop = firstStop(last ? text : text.replaceFirst("\uFFFD+\\z", ""), stops);
            if (stop >= 0) {
                expected = text.substring(0, stop);
                expectedTokens = count;
                break;
            }
        }
        AnswerText answer = answer(tokens, List.copyOf(stops), 0);
        StringBuilder found = new StringBuilder();
        int foundTokens = 0;
        while (!answer.stopped() && foundTokens < tokens.answer().length) {
            found.append(answer.append(tokens.answer()[foundTokens++]));
        }
        if (!answer.stopped()) {
            found.append(answer.finish());
        }
        assertThat(found).hasToString(expected);
        assertThat(foundTokens).isEqualTo(expectedTokens);
    }

    @Property(tries = 300)
    void aTokensOffsetCountsTheCodePointsBeforeIt(@ForAll("tokens") PromptAndAnswer tokens) {
        AnswerText answer = answer(tokens, List.of("never"), 0);
        boolean bytes =
                tokens.kind().name().contains("BYTE") || tokens.kind().name().contains("STRIP");
        for (int i = 0; i < tokens.answer().length; i++) {
            String before = tokens.first(i).text();
            if (!bytes || !before.contains("\uFFFD")) {
                assertThat(answer.offset()).isEqualTo(before.codePointCount(0, before.length()));
            }
            answer.append(tokens.answer()[i]);
        }
    }

    @Test
    void shouldBeginACharacterWhereTheFirstOfItsTokensIs() {
        assertThat(offsets("<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "ok", "😀", "a", "▁Leo", "x"))
                .containsExactly(0, 0, 0, 0, 1, 3, 4, 5, 9);
        assertThat(offsets("<0xE9>", "<0xBE>", "<0x8D>", "<0x0A>", "<0x0A>", "ok"))
                .containsExactly(0, 0, 0, 1, 2, 3);
        assertThat(offsets("<s>", "▁Leo", "</s>", "x")).containsExactly(0, 0, 4, 4);
    }

    /** The prompt's bytes are two U+FFFD by themselves, and two characters with the next one. */
    @Test
    void shouldCountTheCharactersThatAnAnswerMakesOfThePromptsBytes() {
        assertThat(offsets(List.of("<0x00>", "<0xC2>"), "<0x80>", "x")).containsExactly(0, 2);
        assertThat(offsets(List.of("say", "<0x41>"), "<0x42>", "<0x43>", "x"))
                .containsExactly(0, 1, 2);
    }

    private static List<Integer> offsets(String... answer) {
        return offsets(List.of("say"), answer);
    }

    private static List<Integer> offsets(List<String> prompt, String... answer) {
        PromptAndAnswer tokens = tokens(prompt, answer);
        AnswerText text = answer(tokens, List.of(), 0);
        List<Integer> offsets = new ArrayList<>();
        for (int token : tokens.answer()) {
            offsets.add(text.offset());
            text.append(token);
        }
        return offsets;
    }

    @Test
    void shouldStopWithTheTokenThatCompletesTheStopString() {
        String[] smiley = {"▁is", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x0A>", "<0x41>"};
        assertThat(pieces(List.of("😀"), 0, smiley)).containsExactly(" is", "", "", "", "");
        assertThat(pieces(List.of("\nA"), 0, smiley))
                .containsExactly(" is", "", "", "", "", "", "😀");
        assertThat(pieces(List.of("s😀\n"), 0, smiley)).containsExactly(" i", "", "", "", "", "");
        assertThat(pieces(List.of(" "), 0, smiley)).containsExactly("");
    }

    @Test
    void shouldNotLookForStopStringsInWhatIsCertainBeforeTheLeastTokens() {
        String[] answer = {"▁Leo", "▁is", "▁Leo", "x"};
        assertThat(pieces(List.of(" Leo"), 0, answer)).containsExactly("");
        assertThat(pieces(List.of(" Leo"), 2, answer)).containsExactly(" Leo", " is", "");
        assertThat(pieces(List.of(" Leo"), 4, answer)).containsExactly(" Leo", " is", " Leo", "x");
        String[] smiley = {"<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x80>", "ok"};
        assertThat(pieces(List.of("😀"), 4, smiley)).containsExactly("", "", "", "");
        assertThat(pieces(List.of("😀"), 5, smiley))
                .containsExactly("", "", "", "", "", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDok");
    }

    /** Until it stops; else what is left at the end is with the last token's. */
    private static List<String> pieces(List<String> stops, int minTokens, String... answer) {
        PromptAndAnswer tokens = tokens(List.of("say"), answer);
        AnswerText text = answer(tokens, stops, minTokens);
        List<String> pieces = new ArrayList<>();
        for (int token : tokens.answer()) {
            if (!text.stopped()) {
                pieces.add(text.append(token));
            }
        }
        if (!text.stopped()) {
            pieces.set(pieces.size() - 1, pieces.get(pieces.size() - 1) + text.finish());
        }
        return pieces;
    }

    private static PromptAndAnswer tokens(List<String> prompt, String... answer) {
        TokenizerKinds kind = TokenizerKinds.BYTE_FALLBACK;
        return new PromptAndAnswer(
                kind,
                PromptAndAnswer.ids(kind, prompt),
                PromptAndAnswer.ids(kind, List.of(answer)));
    }

    private static AnswerText answer(PromptAndAnswer tokens, List<String> stops, int minTokens) {
        return new AnswerText(
                tokens.tokenizer().newDecoder(tokens.prompt(), false), stops, minTokens);
    }
}
