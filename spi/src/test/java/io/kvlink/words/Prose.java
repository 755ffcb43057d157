// SPDX-License-Identifier: Apache-2.0
package io.kvlink.words;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text that people read in a source file.
 *
 * @param line its first line in the file, from 1
 * @param sentences its sentences, without markup
 */
record Prose(int line, List<String> sentences) {

    private static final Pattern JAVADOC = Pattern.compile("(?ms)^[ \\t]*/\\*\\*(.*?)\\*/");
    private static final Pattern MARGIN = Pattern.compile("(?m)^[ \\t]*\\*[ \\t]?");
    private static final Pattern BLOCK_TAG = Pattern.compile("(?m)^@\\w");
    private static final Pattern SAMPLE = Pattern.compile("(?s)<pre>.*?</pre>");
    private static final Pattern PARAGRAPH = Pattern.compile("\\n\\s*\\n|<(?:p|ul|ol|li)>");
    private static final Pattern TAG = Pattern.compile("</?\\w+>");
    private static final Pattern INLINE_TAG = Pattern.compile("\\{@\\w+\\s+([^}]*)}");
    private static final Pattern SENTENCE_END =
            Pattern.compile("(?<=[.!?]|[.!?]\")\\s+(?=[^\\p{Ll}])");
    private static final Pattern HEADING = Pattern.compile("#{1,6}\\s+(.*)");

    /** The description of each Javadoc of a Java file; block tags aren't part of it. */
    static List<Prose> javadocs(String source) {
        List<Prose> found = new ArrayList<>();
        for (Matcher comment = JAVADOC.matcher(source); comment.find(); ) {
            String text = MARGIN.matcher(comment.group(1)).replaceAll("").strip();
            String description = SAMPLE.matcher(BLOCK_TAG.split(text, 2)[0]).replaceAll("\n\n");
            List<String> sentences = new ArrayList<>();
            for (String paragraph : PARAGRAPH.split(description, 0)) {
                sentences.addAll(sentences(paragraph));
            }
            found.add(new Prose(lineOf(source, comment.start(1)), List.copyOf(sentences)));
        }
        return found;
    }

    /** The headings of a Markdown file; a fenced block has none. */
    static List<Prose> headings(String source) {
        List<Prose> found = new ArrayList<>();
        boolean fenced = false;
        int line = 0;
        for (String text : source.lines().toList()) {
            line++;
            Matcher heading = HEADING.matcher(text);
            if (text.strip().startsWith("```")) {
                fenced = !fenced;
            } else if (!fenced && heading.matches()) {
                found.add(new Prose(line, List.of(heading.group(1).strip())));
            }
        }
        return found;
    }

    private static int lineOf(String source, int index) {
        return (int) source.substring(0, index).chars().filter(c -> c == '\n').count() + 1;
    }

    private static List<String> sentences(String paragraph) {
        String plain = TAG.matcher(paragraph).replaceAll(" ");
        String text = INLINE_TAG.matcher(plain).replaceAll(Prose::oneWord);
        String line = text.replaceAll("\\s+", " ").strip();
        return line.isEmpty() ? List.of() : List.of(SENTENCE_END.split(line, 0));
    }

    /** The content of an inline tag as one word, whose brace may begin a sentence. */
    private static String oneWord(MatchResult tag) {
        return Matcher.quoteReplacement("{" + tag.group(1).replaceAll("\\s+", "_") + "}");
    }
}
