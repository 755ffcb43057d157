// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** A prompt and its answer in a tokenizer's tokens, and the text that they are by the rule. */
@SuppressWarnings("ArrayRecordComponent") // Nobody changes them.
public record PromptAndAnswer(TokenizerKinds kind, int[] prompt, int[] answer) {
    // One of each for all tries; the native tokenizers go with the JVM.
    private static final Map<TokenizerKinds, Tokenizer> TOKENIZERS =
            new EnumMap<>(TokenizerKinds.class);

    /** The one tokenizer of this kind. */
    public Tokenizer tokenizer() {
        return TOKENIZERS.computeIfAbsent(kind, TokenizerKinds::load);
    }

    /** Prompt and answer. */
    public int[] all() {
        return IntStream.concat(Arrays.stream(prompt), Arrays.stream(answer)).toArray();
    }

    /** Copy with the answer's first tokens only. */
    public PromptAndAnswer first(int count) {
        return new PromptAndAnswer(kind, prompt, Arrays.copyOf(answer, count));
    }

    /** Text by the rule: all tokens decoded, less the text of the prompt's tokens. */
    public String text() {
        int[] whole = tokenizer().decode(all()).codePoints().toArray();
        int[] before = tokenizer().decode(prompt).codePoints().toArray();
        int common = Arrays.mismatch(whole, before);
        common = common < 0 ? whole.length : common;
        return new String(whole, common, whole.length - common);
    }

    @Override
    public String toString() {
        return kind + " " + Arrays.toString(prompt) + " " + Arrays.toString(answer);
    }

    /** Tokens of any kind, many of them bytes of characters. */
    public static Arbitrary<PromptAndAnswer> any() {
        return Arbitraries.of(TokenizerKinds.values()).flatMap(PromptAndAnswer::of);
    }

    private static Arbitrary<PromptAndAnswer> of(TokenizerKinds kind) {
        int[] smiley = ids(kind, List.of("<0xF0>", "<0x9F>", "<0x98>", "<0x80>"));
        Arbitrary<Integer> any = Arbitraries.integers().between(-1, kind.vocabulary() + 1);
        Arbitrary<Integer> bytes = Arbitraries.integers().between(3, 258);
        // Leading and following bytes, so that characters are begun, finished and broken off.
        Arbitrary<Integer> likely =
                Arbitraries.of(3 + 0x80, 3 + 0x98, 3 + 0x9F, 3 + 0xE9, 3 + 0xF0);
        Arbitrary<int[]> part =
                Arbitraries.frequencyOf(
                        Tuple.of(4, one(any)),
                        Tuple.of(2, one(bytes)),
                        Tuple.of(3, one(likely)),
                        Tuple.of(2, Arbitraries.just(smiley)),
                        Tuple.of(4, one(Arbitraries.integers().between(259, kind.vocabulary()))));
        Arbitrary<int[]> parts =
                part.list()
                        .ofMaxSize(30)
                        .map(list -> list.stream().flatMapToInt(Arrays::stream))
                        .map(IntStream::toArray);
        return Combinators.combine(parts, parts)
                .as((prompt, answer) -> new PromptAndAnswer(kind, prompt, answer));
    }

    private static Arbitrary<int[]> one(Arbitrary<Integer> id) {
        return id.map(value -> new int[] {value});
    }

    /** Ids of tokens. */
    public static int[] ids(TokenizerKinds kind, List<String> tokens) {
        List<String> known = kind.tokens();
        return tokens.stream()
                .mapToInt(
                        token ->
                                kind == TokenizerKinds.BYTE_LEVEL && token.startsWith("<0x")
                                        ? 3 + Integer.parseInt(token.substring(3, 5), 16)
                                        : known.indexOf(token))
                .toArray();
    }
}
