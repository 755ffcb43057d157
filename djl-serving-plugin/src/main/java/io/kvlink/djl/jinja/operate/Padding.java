// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;
import org.jspecify.annotations.Nullable;

/** Methods of {@code str} that fill a text up to a width. */
public final class Padding {

    private static final long DEFAULT_TAB = 8;

    private Padding() {}

    /** Pads on the right if {@code side} is negative, on the left if positive, else on both. */
    public static Object padded(
            Rendering rendering, Object self, Object width, @Nullable Object fill, int side) {
        String filler = fill == null ? " " : TextArguments.required("center", fill);
        if (Text.length(filler) != 1) {
            throw TemplateException.type("The fill character must be exactly one character long");
        }
        String text = Text.of(self);
        long wanted = Numbers.index(width);
        long missing = Math.max(0, wanted - Text.length(text));
        long left = side == 0 ? missing / 2 + (missing & wanted & 1) : side > 0 ? missing : 0;
        String escaped = TextArguments.escapedLike(rendering, self, filler);
        return Subscript.like(
                self,
                new TextBuffer(rendering)
                        .repeat(escaped, left)
                        .append(text)
                        .repeat(escaped, missing - left)
                        .toString());
    }

    static String zeros(Rendering rendering, String text, Object width) {
        long missing = Numbers.index(width) - Text.length(text);
        boolean signed = text.startsWith("+") || text.startsWith("-");
        TextBuffer out = new TextBuffer(rendering);
        out.append(signed ? text.substring(0, 1) : "").repeat("0", missing);
        return out.append(signed ? text.substring(1) : text).toString();
    }

    static String expanded(Rendering rendering, String text, @Nullable Object tabSize) {
        long tab = tabSize == null ? DEFAULT_TAB : Numbers.index(tabSize);
        TextBuffer out = new TextBuffer(rendering);
        long column = 0;
        for (int c : text.codePoints().toArray()) {
            if (c == '\t') {
                long spaces = tab > 0 ? tab - column % tab : 0;
                out.repeat(" ", spaces);
                column += spaces;
            } else {
                out.appendCodePoint(c);
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
        }
        return out.toString();
    }
}
