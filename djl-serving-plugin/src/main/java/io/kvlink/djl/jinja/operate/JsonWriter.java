// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PySequence;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Types;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The filter {@code tojson} of transformers: Python's {@code json.dumps}, without HTML escapes. */
public final class JsonWriter {

    private final Rendering rendering;
    private final TextBuffer out;
    private final boolean ascii;
    // Null for one line.
    private final @Nullable String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sorted;
    private int depth;

    private JsonWriter(Rendering rendering, @Nullable Object[] given) {
        this.rendering = rendering;
        this.out = new TextBuffer(rendering);
        this.ascii = given[0] != null && Truth.of(given[0]);
        this.indent = indent(rendering, given[1]);
        this.sorted = given[3] != null && Truth.of(given[3]);
        if (given[2] == null || given[2] == None.NONE) {
            this.itemSeparator = indent == null ? ", " : ",";
            this.keySeparator = ": ";
        } else {
            List<Object> separators = Iteration.list(rendering, given[2]);
            if (separators.size() != 2) {
                throw TemplateException.value("separators are two: of items and of keys");
            }
            this.itemSeparator = TextArguments.required("separators", separators.get(0));
            this.keySeparator = TextArguments.required("separators", separators.get(1));
        }
    }

    private static @Nullable String indent(Rendering rendering, @Nullable Object given) {
        if (given == null || given == None.NONE) {
            return null;
        }
        if (Text.is(given)) {
            return Text.of(given);
        }
        return new TextBuffer(rendering).repeat(" ", Numbers.index(given)).toString();
    }

    public static Object filter(Rendering rendering, Object value, @Nullable Object[] given) {
        JsonWriter writer = new JsonWriter(rendering, given);
        writer.write(value);
        return writer.out.toString();
    }

    private void write(Object value) {
        rendering.step();
        if (Text.is(value)) {
            writeText(Text.of(value));
        } else if (value instanceof PyDict dict) {
            writeDict(dict);
        } else if (value instanceof PySequence sequence) {
            writeAll('[', ']', sequence.items());
        } else {
            String scalar = scalar(value);
            if (scalar == null) {
                throw TemplateException.type(
                        "Object of type %s is not JSON serializable".formatted(Types.name(value)));
            }
            out.append(scalar);
        }
    }

    private static @Nullable String scalar(Object value) {
        if (value == None.NONE) {
            return "null";
        }
        if (value instanceof Boolean bool) {
            return bool ? "true" : "false";
        }
        if (value instanceof Double number) {
            if (number.isNaN()) {
                return "NaN";
            }
            return number.isInfinite()
                    ? (number > 0 ? "Infinity" : "-Infinity")
                    : Numbers.realText(number);
        }
        return Numbers.isInteger(value) ? Numbers.integerText(value) : null;
    }

    private void writeAll(char open, char close, Collection<Object> parts) {
        out.append(open);
        depth++;
        boolean first = true;
        for (Object part : parts) {
            out.append(first ? "" : itemSeparator);
            newLine();
            if (part instanceof PyDict.Entry entry) {
                writeKey(entry.key());
                out.append(keySeparator);
                write(entry.value());
            } else {
                write(part);
            }
            first = false;
        }
        depth--;
        if (!first) {
            newLine();
        }
        out.append(close);
    }

    private void writeDict(PyDict dict) {
        if (!sorted) {
            writeAll('{', '}', new ArrayList<>(dict.entries()));
            return;
        }
        List<Comparison.Keyed> keyed = new ArrayList<>();
        dict.entries().forEach(entry -> keyed.add(new Comparison.Keyed(entry.key(), entry)));
        List<Object> entries = new ArrayList<>();
        Comparison.sorted(rendering, keyed, false).forEach(one -> entries.add(one.value()));
        writeAll('{', '}', entries);
    }

    private void newLine() {
        if (indent != null) {
            out.append('\n').repeat(indent, depth);
        }
    }

    private void writeKey(Object key) {
        if (Text.is(key)) {
            writeText(Text.of(key));
            return;
        }
        String scalar = scalar(key);
        if (scalar == null) {
            throw TemplateException.type(
                    "keys must be str, int, float, bool or None, not " + Types.name(key));
        }
        out.append('"').append(scalar).append('"');
    }

    private void writeText(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 0x20 || (ascii && c > 0x7e)) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
