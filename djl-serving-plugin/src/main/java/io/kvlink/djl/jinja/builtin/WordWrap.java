// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Splitting;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The filter {@code wordwrap}: Python's {@code textwrap.wrap} for each line. */
final class WordWrap {

    private static final long DEFAULT_WIDTH = 79;
    private static final String SPACE = "\t\n\u000b\f\r ";

    private final Rendering rendering;
    private final int width;
    private final boolean breakLong;
    private final boolean atHyphens;

    private WordWrap(Rendering rendering, int width, boolean breakLong, boolean atHyphens) {
        this.rendering = rendering;
        this.width = width;
        this.breakLong = breakLong;
        this.atHyphens = atHyphens;
    }

    static Object filter(Rendering rendering, Object value, @Nullable Object[] given) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        String text = TextArguments.required("wordwrap", value);
        long width = given[0] == null ? DEFAULT_WIDTH : Numbers.index(given[0]);
        if (width <= 0) {
            throw TemplateException.value("invalid width %d (must be > 0)".formatted(width));
        }
        boolean noWrap = given[2] == null || given[2] == None.NONE;
        String wrap = noWrap ? "\n" : TextArguments.required("wrap", given[2]);
        WordWrap wrapper =
                new WordWrap(
                        rendering,
                        (int) Math.min(Integer.MAX_VALUE, width),
                        given[1] == null || Truth.of(given[1]),
                        given[3] == null || Truth.of(given[3]));
        TextBuffer out = new TextBuffer(rendering);
        String between = "";
        for (String line : Splitting.lines(rendering, text, false)) {
            out.append(between).append(String.join(wrap, wrapper.wrapped(line)));
            between = wrap;
        }
        return out.toString();
    }

    private List<String> wrapped(String line) {
        rendering.scan(line.length());
        List<String> chunks = WordChunks.of(line, atHyphens);
        List<String> lines = new ArrayList<>();
        int at = 0;
        while (at < chunks.size()) {
            rendering.step();
            if (!lines.isEmpty() && isBlank(chunks.get(at))) {
                at++;
                continue;
            }
            List<String> current = new ArrayList<>();
            int length = 0;
            while (at < chunks.size() && length + Text.length(chunks.get(at)) <= width) {
                length += Text.length(chunks.get(at));
                current.add(chunks.get(at++));
            }
            if (at < chunks.size() && Text.length(chunks.get(at)) > width) {
                at += takeLong(chunks, at, current, width - length);
            }
            if (!current.isEmpty() && isBlank(current.get(current.size() - 1))) {
                current.remove(current.size() - 1);
            }
            if (!current.isEmpty()) {
                lines.add(String.join("", current));
            }
        }
        return lines;
    }

    private static boolean isBlank(String chunk) {
        return Text.stripLeft(chunk).isEmpty();
    }

    /** Takes from a chunk that no line holds; gives how many chunks are used up by that. */
    private int takeLong(List<String> chunks, int at, List<String> current, int room) {
        String chunk = chunks.get(at);
        if (breakLong) {
            int space = Math.max(1, room);
            int end = space;
            if (atHyphens && Text.length(chunk) > space) {
                String head = Text.slice(chunk, 0, space);
                int hyphen = head.lastIndexOf('-');
                if (hyphen > 0 && head.substring(0, hyphen).chars().anyMatch(c -> c != '-')) {
                    end = Text.length(head.substring(0, hyphen)) + 1;
                }
            }
            current.add(Text.slice(chunk, 0, end));
            chunks.set(at, Text.slice(chunk, end, Text.length(chunk)));
            return 0;
        }
        if (current.isEmpty()) {
            current.add(chunk);
            return 1;
        }
        return 0;
    }

    static boolean isSpace(int c) {
        return SPACE.indexOf(c) >= 0;
    }
}
