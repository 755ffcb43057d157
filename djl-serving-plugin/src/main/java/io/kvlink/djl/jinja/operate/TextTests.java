// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Digits;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.Types;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Methods of Python's {@code str} that look: places of parts, kinds of characters. */
public final class TextTests {

    static final List<Method> ALL =
            List.of(
                    Method.of("find", "sub start? end? /", (r, s, a) -> find(r, s, a, false)),
                    Method.of("rfind", "sub start? end? /", (r, s, a) -> find(r, s, a, true)),
                    Method.of("index", "sub start? end? /", (r, s, a) -> index(r, s, a, false)),
                    Method.of("rindex", "sub start? end? /", (r, s, a) -> index(r, s, a, true)),
                    Method.of("count", "sub start? end? /", TextTests::count),
                    Method.of(
                            "startswith",
                            "prefix start? end? /",
                            (r, s, a) -> affix(r, s, a, "startswith")),
                    Method.of(
                            "endswith",
                            "suffix start? end? /",
                            (r, s, a) -> affix(r, s, a, "endswith")),
                    test("isalpha", all(Character::isLetter)),
                    test("isdecimal", all(Character::isDigit)),
                    test("isdigit", all(Digits::isDigit)),
                    test("isnumeric", all(Digits::isNumeric)),
                    test("isalnum", all(c -> Character.isLetter(c) || Digits.isNumeric(c))),
                    test("isspace", all(Text::isSpace)),
                    test("isascii", text -> text.chars().allMatch(c -> c < 0x80)),
                    test("isprintable", text -> text.codePoints().allMatch(Repr::isPrintable)),
                    test("isidentifier", TextTests::isIdentifier),
                    test("islower", Casing::isLower),
                    test("isupper", Casing::isUpper),
                    test("istitle", Casing::isTitle));

    private TextTests() {}

    private static Method test(String name, Predicate<String> test) {
        return Method.of(
                name,
                "/",
                (rendering, self, given) -> {
                    rendering.scan(Text.of(self).length());
                    return test.test(Text.of(self));
                });
    }

    private static Predicate<String> all(IntPredicate kind) {
        return text -> !text.isEmpty() && text.codePoints().allMatch(kind);
    }

    public static boolean isIdentifier(String text) {
        return !text.isEmpty()
                && (text.charAt(0) == '_'
                        || Character.isUnicodeIdentifierStart(text.codePointAt(0)))
                && text.codePoints()
                        .allMatch(
                                c ->
                                        Character.isUnicodeIdentifierPart(c)
                                                && !Character.isIdentifierIgnorable(c));
    }

    /** The part of a text that {@code start} and {@code end} leave, and where it begins. */
    private record Window(String text, long start) {

        /** Null if it begins behind the text's end, or ends before it begins. */
        static @Nullable Window of(String text, @Nullable Object start, @Nullable Object end) {
            if ((start == null || start == None.NONE) && (end == null || end == None.NONE)) {
                return new Window(text, 0);
            }
            int length = Text.length(text);
            long from = place(start, 0, length);
            long to = Math.min(length, place(end, length, length));
            if (from > length || from > to) {
                return null;
            }
            return new Window(Text.slice(text, (int) from, (int) to), from);
        }

        private static long place(@Nullable Object given, long otherwise, int length) {
            if (given == null || given == None.NONE) {
                return otherwise;
            }
            long place = Numbers.index(given);
            return place < 0 ? Math.max(0, place + length) : place;
        }
    }

    private static Object find(Rendering rendering, Object self, Object[] given, boolean last) {
        String part = TextArguments.required("find", given[0]);
        rendering.scan(Text.of(self).length());
        Window window = Window.of(Text.of(self), given[1], given[2]);
        if (window == null) {
            return -1L;
        }
        String text = window.text();
        int at = last ? Text.lastIndexOf(text, part, text.length()) : Text.indexOf(text, part, 0);
        return at < 0 ? -1L : window.start() + text.codePointCount(0, at);
    }

    private static Object index(Rendering rendering, Object self, Object[] given, boolean last) {
        Object found = find(rendering, self, given, last);
        if (found.equals(-1L)) {
            throw TemplateException.value("substring not found");
        }
        return found;
    }

    private static Object count(Rendering rendering, Object self, Object[] given) {
        String part = TextArguments.required("count", given[0]);
        rendering.scan(Text.of(self).length());
        Window window = Window.of(Text.of(self), given[1], given[2]);
        if (window == null) {
            return 0L;
        }
        if (part.isEmpty()) {
            return Text.length(window.text()) + 1L;
        }
        long count = 0;
        int at = 0;
        while ((at = Text.indexOf(window.text(), part, at)) >= 0) {
            count++;
            at += part.length();
        }
        return count;
    }

    private static Object affix(Rendering rendering, Object self, Object[] given, String name) {
        List<Object> affixes =
                given[0] instanceof PyTuple tuple ? tuple.items() : List.of(given[0]);
        Window window = Window.of(Text.of(self), given[1], given[2]);
        rendering.steps(affixes.size());
        for (Object affix : affixes) {
            if (!Text.is(affix)) {
                throw TemplateException.type(
                        "%s first arg must be str or a tuple of str, not %s"
                                .formatted(name, Types.name(affix)));
            }
            String part = Text.of(affix);
            rendering.scan(part.length());
            if (window != null
                    && (name.equals("startswith")
                            ? window.text().startsWith(part)
                            : window.text().endsWith(part))) {
                return true;
            }
        }
        return false;
    }
}
