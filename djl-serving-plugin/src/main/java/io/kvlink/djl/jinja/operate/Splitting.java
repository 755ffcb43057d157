// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import static io.kvlink.djl.jinja.value.TextArguments.required;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Truth;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Methods of {@code str} that cut a text into parts. */
public final class Splitting {

    private Splitting() {}

    static Object split(Rendering rendering, Object self, Object[] given) {
        String text = Text.of(self);
        rendering.scan(text.length());
        long most = most(given[1]);
        String separator = separator(given[0]);
        List<String> parts =
                separator == null
                        ? words(rendering, text, most)
                        : parts(rendering, text, separator, most);
        return TextMethods.parts(rendering, self, parts);
    }

    static Object rsplit(Rendering rendering, Object self, Object[] given) {
        String text = Text.of(self);
        rendering.scan(text.length());
        long most = most(given[1]);
        String separator = separator(given[0]);
        List<String> parts =
                separator == null
                        ? lastWords(rendering, text, most)
                        : lastParts(rendering, text, separator, most);
        Collections.reverse(parts);
        return TextMethods.parts(rendering, self, parts);
    }

    private static long most(@Nullable Object given) {
        long most = given == null ? -1 : Numbers.index(given);
        return most < 0 ? Long.MAX_VALUE : most;
    }

    private static @Nullable String separator(@Nullable Object given) {
        if (given == null || given == None.NONE) {
            return null;
        }
        String separator = required("split", given);
        if (separator.isEmpty()) {
            throw TemplateException.value("empty separator");
        }
        return separator;
    }

    private static List<String> parts(
            Rendering rendering, String text, String separator, long most) {
        List<String> parts = new ArrayList<>();
        int start = 0;
        for (int end; parts.size() < most && (end = Text.indexOf(text, separator, start)) >= 0; ) {
            add(rendering, parts, text.substring(start, end));
            start = end + separator.length();
        }
        add(rendering, parts, text.substring(start));
        return parts;
    }

    private static List<String> lastParts(
            Rendering rendering, String text, String separator, long most) {
        List<String> parts = new ArrayList<>();
        int end = text.length();
        for (int at; parts.size() < most && (at = Text.lastIndexOf(text, separator, end)) >= 0; ) {
            add(rendering, parts, text.substring(at + separator.length(), end));
            end = at;
        }
        add(rendering, parts, text.substring(0, end));
        return parts;
    }

    private static void add(Rendering rendering, List<String> parts, String part) {
        rendering.step();
        rendering.madeText(part.length());
        parts.add(part);
    }

    /** Parts between white space. */
    static List<String> words(Rendering rendering, String text, long most) {
        List<String> words = new ArrayList<>();
        int at = 0;
        while (true) {
            while (at < text.length() && Text.isSpace(text.charAt(at))) {
                at++;
            }
            if (at == text.length()) {
                return words;
            }
            if (words.size() >= most) {
                add(rendering, words, text.substring(at));
                return words;
            }
            int end = at;
            while (end < text.length() && !Text.isSpace(text.charAt(end))) {
                end++;
            }
            add(rendering, words, text.substring(at, end));
            at = end;
        }
    }

    private static List<String> lastWords(Rendering rendering, String text, long most) {
        List<String> words = new ArrayList<>();
        int end = text.length();
        while (true) {
            while (end > 0 && Text.isSpace(text.charAt(end - 1))) {
                end--;
            }
            if (end == 0) {
                return words;
            }
            if (words.size() >= most) {
                add(rendering, words, text.substring(0, end));
                return words;
            }
            int start = end;
            while (start > 0 && !Text.isSpace(text.charAt(start - 1))) {
                start--;
            }
            add(rendering, words, text.substring(start, end));
            end = start;
        }
    }

    static Object splitlines(Rendering rendering, Object self, Object[] given) {
        boolean keep = given[0] != null && Truth.of(given[0]);
        rendering.scan(Text.of(self).length());
        return TextMethods.parts(rendering, self, lines(rendering, Text.of(self), keep));
    }

    /** Lines, each with its end if {@code keep}. */
    public static List<String> lines(Rendering rendering, String text, boolean keep) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Text.isLineEnd(c)) {
                int end = i;
                if (c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') {
                    i++;
                }
                add(rendering, lines, text.substring(start, keep ? i + 1 : end));
                start = i + 1;
            }
        }
        if (start < text.length()) {
            add(rendering, lines, text.substring(start));
        }
        return lines;
    }

    static Object partition(Rendering rendering, Object self, Object[] given) {
        String separator = nonEmpty(given[0]);
        String text = Text.of(self);
        rendering.scan(text.length());
        int at = Text.indexOf(text, separator, 0);
        return at < 0
                ? tuple(self, text, "", "")
                : tuple(
                        self,
                        text.substring(0, at),
                        separator,
                        text.substring(at + separator.length()));
    }

    static Object rpartition(Rendering rendering, Object self, Object[] given) {
        String separator = nonEmpty(given[0]);
        String text = Text.of(self);
        rendering.scan(text.length());
        int at = Text.lastIndexOf(text, separator, text.length());
        return at < 0
                ? tuple(self, "", "", text)
                : tuple(
                        self,
                        text.substring(0, at),
                        separator,
                        text.substring(at + separator.length()));
    }

    private static String nonEmpty(Object given) {
        String separator = required("partition", given);
        if (separator.isEmpty()) {
            throw TemplateException.value("empty separator");
        }
        return separator;
    }

    private static PyTuple tuple(Object self, String a, String b, String c) {
        return PyTuple.of(
                Subscript.like(self, a), Subscript.like(self, b), Subscript.like(self, c));
    }
}
