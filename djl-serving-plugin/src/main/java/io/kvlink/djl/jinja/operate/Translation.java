// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;

/** Python's {@code str.maketrans} and {@code str.translate}. */
final class Translation {

    private Translation() {}

    static Object table(Rendering rendering, Object self, Object[] given) {
        PyDict table = new PyDict();
        if (given[1] == null) {
            if (!(given[0] instanceof PyDict dict)) {
                throw TemplateException.type(
                        "if you give only one argument to maketrans it must be a dict");
            }
            for (PyDict.Entry entry : dict.entries()) {
                table.put(key(entry.key()), entry.value());
            }
            return table;
        }
        int[] from = TextArguments.required("maketrans", given[0]).codePoints().toArray();
        int[] to = TextArguments.required("maketrans", given[1]).codePoints().toArray();
        if (from.length != to.length) {
            throw TemplateException.value(
                    "the first two maketrans arguments must have equal length");
        }
        rendering.steps(from.length);
        for (int i = 0; i < from.length; i++) {
            table.put((long) from[i], (long) to[i]);
        }
        if (given[2] != null) {
            TextArguments.required("maketrans", given[2])
                    .codePoints()
                    .forEach(c -> table.put((long) c, None.NONE));
        }
        return table;
    }

    private static Object key(Object key) {
        if (Text.is(key)) {
            if (Text.length(Text.of(key)) != 1) {
                throw TemplateException.value("string keys in translate table must be of length 1");
            }
            return (long) Text.of(key).codePointAt(0);
        }
        if (!Numbers.isInteger(key)) {
            throw TemplateException.type("keys in translate table must be strings or integers");
        }
        return key;
    }

    static String translated(Rendering rendering, String text, Object[] given) {
        TextBuffer out = new TextBuffer(rendering);
        for (int c : text.codePoints().toArray()) {
            rendering.step();
            Object to = Subscript.find(rendering, given[0], (long) c);
            if (to == null) {
                out.appendCodePoint(c);
            } else if (Text.is(to)) {
                out.append(Text.of(to));
            } else if (Numbers.isInteger(to)) {
                out.appendCodePoint(codePoint(to));
            } else if (to != None.NONE) {
                throw TemplateException.type("character mapping must return integer, None or str");
            }
        }
        return out.toString();
    }

    private static int codePoint(Object value) {
        long point = Numbers.index(value);
        if (point < 0 || point > Character.MAX_CODE_POINT) {
            throw TemplateException.value("character mapping must be in range(0x110000)");
        }
        return (int) point;
    }
}
