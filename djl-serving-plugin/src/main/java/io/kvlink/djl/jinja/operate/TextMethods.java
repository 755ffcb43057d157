// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import static io.kvlink.djl.jinja.value.TextArguments.escapedLike;
import static io.kvlink.djl.jinja.value.TextArguments.required;
import static io.kvlink.djl.jinja.value.TextArguments.textOrNone;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Types;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Methods of Python's {@code str} that give a changed text, or parts of it. */
public final class TextMethods {

    static final List<Method> ALL =
            List.of(
                    changed("upper", "/", (r, s, a) -> Casing.upper(s)),
                    changed("lower", "/", (r, s, a) -> Casing.lower(s)),
                    changed("title", "/", (r, s, a) -> Casing.title(s)),
                    changed("capitalize", "/", (r, s, a) -> Casing.capitalized(s)),
                    changed("swapcase", "/", (r, s, a) -> Casing.swapped(s)),
                    changed("casefold", "/", (r, s, a) -> Casing.folded(s)),
                    changed("strip", "chars? /", (r, s, a) -> strip(s, a[0], true, true)),
                    changed("lstrip", "chars? /", (r, s, a) -> strip(s, a[0], true, false)),
                    changed("rstrip", "chars? /", (r, s, a) -> strip(s, a[0], false, true)),
                    changed("removeprefix", "prefix /", (r, s, a) -> withoutPrefix(s, a[0])),
                    changed("removesuffix", "suffix /", (r, s, a) -> withoutSuffix(s, a[0])),
                    changed("expandtabs", "tabsize?", (r, s, a) -> Padding.expanded(r, s, a[0])),
                    changed("zfill", "width /", (r, s, a) -> Padding.zeros(r, s, a[0])),
                    changed("translate", "table /", Translation::translated),
                    Method.of(
                            "center",
                            "width fillchar? /",
                            (r, self, a) -> Padding.padded(r, self, a[0], a[1], 0)),
                    Method.of(
                            "ljust",
                            "width fillchar? /",
                            (r, self, a) -> Padding.padded(r, self, a[0], a[1], -1)),
                    Method.of(
                            "rjust",
                            "width fillchar? /",
                            (r, self, a) -> Padding.padded(r, self, a[0], a[1], 1)),
                    Method.of("replace", "old new count? /", TextMethods::replace),
                    Method.of("join", "iterable /", (r, self, a) -> join(r, self, a[0])),
                    Method.of("split", "sep? maxsplit?", Splitting::split),
                    Method.of("rsplit", "sep? maxsplit?", Splitting::rsplit),
                    Method.of("splitlines", "keepends?", Splitting::splitlines),
                    Method.of("partition", "sep /", Splitting::partition),
                    Method.of("rpartition", "sep /", Splitting::rpartition),
                    Method.of("maketrans", "x y? z? /", Translation::table),
                    Method.of("encode", "encoding? errors?", Encoding::encode),
                    Method.of("unescape", "/", (r, self, a) -> Html.unescaped(Text.of(self))),
                    Method.of(
                            "striptags", "/", (r, self, a) -> Html.withoutTags(r, Text.of(self))));

    private TextMethods() {}

    /** Computes a text from another one. */
    interface Change {
        String apply(Rendering rendering, String text, Object[] given);
    }

    private static Method changed(String name, String parameters, Change change) {
        return Method.of(
                name,
                parameters,
                (rendering, self, given) -> {
                    String text = Text.of(self);
                    rendering.scan(text.length());
                    rendering.requireRoom(text.length());
                    return Subscript.like(self, change.apply(rendering, text, given));
                });
    }

    /** Python's {@code str.strip} and its one-sided forms. */
    public static String strip(String text, Object given, boolean left, boolean right) {
        String chars = textOrNone("strip", given);
        if (chars == null) {
            String stripped = left ? Text.stripLeft(text) : text;
            return right ? Text.stripRight(stripped) : stripped;
        }
        int start = 0;
        int end = text.length();
        while (left && start < end && chars.indexOf(text.codePointAt(start)) >= 0) {
            start += Character.charCount(text.codePointAt(start));
        }
        while (right && end > start && chars.indexOf(text.codePointBefore(end)) >= 0) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(start, end);
    }

    private static String withoutPrefix(String text, Object given) {
        String prefix = required("removeprefix", given);
        return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
    }

    private static String withoutSuffix(String text, Object given) {
        String suffix = required("removesuffix", given);
        return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
    }

    private static Object replace(Rendering rendering, Object self, Object[] given) {
        long count = given[2] == null ? -1 : Numbers.index(given[2]);
        String old = required("replace", given[0]);
        required("replace", given[1]);
        String replacement = escapedLike(rendering, self, given[1]);
        return Subscript.like(self, replaced(rendering, Text.of(self), old, replacement, count));
    }

    /** Replaces at most {@code count} places, all if it is negative. */
    public static String replaced(
            Rendering rendering, String text, String old, String replacement, long count) {
        TextBuffer out = new TextBuffer(rendering);
        rendering.scan(text.length());
        long left = count < 0 ? Long.MAX_VALUE : count;
        if (old.isEmpty()) {
            return interleaved(out, text, replacement, left);
        }
        int from = 0;
        for (int found; left > 0 && (found = Text.indexOf(text, old, from)) >= 0; left--) {
            out.append(text.substring(from, found)).append(replacement);
            from = found + old.length();
        }
        return out.append(text.substring(from)).toString();
    }

    private static String interleaved(TextBuffer out, String text, String replacement, long count) {
        long left = count;
        int at = 0;
        while (left-- > 0) {
            out.append(replacement);
            if (at >= text.length()) {
                return out.toString();
            }
            out.appendCodePoint(text.codePointAt(at));
            at += Character.charCount(text.codePointAt(at));
        }
        return out.append(text.substring(at)).toString();
    }

    private static Object join(Rendering rendering, Object self, Object parts) {
        TextBuffer out = new TextBuffer(rendering);
        int index = 0;
        if (!Iteration.isIterable(parts)) {
            throw TemplateException.type("can only join an iterable");
        }
        for (Iterator<Object> all = Iteration.of(parts); all.hasNext(); index++) {
            Object part = all.next();
            rendering.step();
            if (!Text.is(part) && !(self instanceof Markup)) {
                throw TemplateException.type(
                        "sequence item %d: expected str instance, %s found"
                                .formatted(index, Types.name(part)));
            }
            out.append(index == 0 ? "" : Text.of(self));
            out.append(escapedLike(rendering, self, part));
        }
        return Subscript.like(self, out.toString());
    }

    /** Texts of the same kind as {@code self}, in a list. */
    static PyList parts(Rendering rendering, Object self, List<String> parts) {
        rendering.madeElements(parts.size());
        List<Object> values = new ArrayList<>(parts.size());
        parts.forEach(part -> values.add(Subscript.like(self, part)));
        return new PyList(values);
    }
}
