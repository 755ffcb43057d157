// SPDX-License-Identifier: Apache-2.0
package io.kvlink.words;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Rules for the words of Javadoc and headings. Each rule gives the fault that it finds. */
final class Wording {

    private static final int MOST_WORDS = 25;

    /** Words that point at a thing instead of naming it. */
    private static final Set<String> POINTERS =
            words(
                    "What Whatever Which Whichever Who Whoever Whom Whose How However Where"
                            + " Wherever When Whenever Whether Why That This Those These It Its"
                            + " They Their There Such same");

    /** Words that begin a piece of a sentence, not a thing. */
    private static final Set<String> FRAGMENTS =
            words("As By For From Has If In Of On So To With Without");

    /**
     * Words that no sentence of Javadoc begins with; a later one may refer to the first by "It".
     */
    private static final Set<String> RIDDLES = words("What Whatever Which Whose Those These same");

    private static final Pattern FIRST_WORD = Pattern.compile("(?:The (?=same\\b))?(\\w+)");

    private Wording() {}

    /** Fault of a Javadoc's description. */
    static Optional<String> javadocFault(Prose javadoc) {
        if (javadoc.sentences().isEmpty()) {
            return Optional.empty();
        }
        String first = javadoc.sentences().get(0);
        int words = first.split(" ", 0).length;
        if (isOneOf(POINTERS, first) || isOneOf(FRAGMENTS, first)) {
            return Optional.of("begins with the thing it describes, not with: " + first);
        }
        if (words > MOST_WORDS) {
            return Optional.of(
                    "has a first sentence of %d words, %d at most: %s"
                            .formatted(words, MOST_WORDS, first));
        }
        return javadoc.sentences().stream()
                .filter(sentence -> isOneOf(RIDDLES, sentence))
                .findFirst()
                .map(sentence -> "names the thing in each sentence, unlike: " + sentence);
    }

    /** Fault of a heading. */
    static Optional<String> headingFault(Prose heading) {
        return heading.sentences().stream()
                .filter(text -> isOneOf(POINTERS, text))
                .findFirst()
                .map(text -> "names its subject, unlike: " + text);
    }

    private static boolean isOneOf(Set<String> words, String sentence) {
        Matcher first = FIRST_WORD.matcher(sentence);
        return first.lookingAt() && words.contains(first.group(1));
    }

    private static Set<String> words(String text) {
        return Arrays.stream(text.split(" ", 0)).collect(Collectors.toUnmodifiableSet());
    }
}
