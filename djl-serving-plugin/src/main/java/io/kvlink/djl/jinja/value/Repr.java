// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.TemplateException;
import java.math.BigInteger;
import java.util.Iterator;

/** Python's {@code str} and {@code repr}. */
public final class Repr {

    private static final int MAX_NAMESPACES = 20;

    private final Rendering rendering;
    private final TextBuffer out;
    private int namespaces;

    private Repr(Rendering rendering) {
        this.rendering = rendering;
        this.out = new TextBuffer(rendering);
    }

    public static String str(Rendering rendering, Object value) {
        if (value instanceof String text) {
            return text;
        }
        if (value instanceof Markup markup) {
            return markup.text();
        }
        if (value instanceof Undefined) {
            return "";
        }
        return shown(rendering, value);
    }

    /** Python's {@code repr}. */
    public static String shown(Rendering rendering, Object value) {
        Repr repr = new Repr(rendering);
        repr.write(value);
        return repr.out.toString();
    }

    /** A text in quotes, as Python shows it. */
    public static String quoted(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2);
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        quoted.append(quote);
        text.codePoints().forEach(c -> appendQuoted(quoted, c, quote));
        return quoted.append(quote).toString();
    }

    private static void appendQuoted(StringBuilder quoted, int c, char quote) {
        switch (c) {
            case '\n' -> quoted.append("\\n");
            case '\r' -> quoted.append("\\r");
            case '\t' -> quoted.append("\\t");
            case '\\' -> quoted.append("\\\\");
            default -> {
                if (c == quote) {
                    quoted.append('\\').append(quote);
                } else if (isPrintable(c)) {
                    quoted.appendCodePoint(c);
                } else if (c < 0x100) {
                    quoted.append(String.format("\\x%02x", c));
                } else if (c < 0x10000) {
                    quoted.append(String.format("\\u%04x", c));
                } else {
                    quoted.append(String.format("\\U%08x", c));
                }
            }
        }
    }

    public static boolean isPrintable(int c) {
        if (c == ' ') {
            return true;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR ->
                    false;
            default -> true;
        };
    }

    private void write(Object value) {
        rendering.step();
        if (value instanceof String text) {
            out.append(quoted(text));
        } else if (value instanceof Boolean bool) {
            out.append(bool ? "True" : "False");
        } else if (value instanceof Long || value instanceof BigInteger) {
            out.append(Numbers.integerText(value));
        } else if (value instanceof Double number) {
            out.append(Numbers.realText(number));
        } else if (value == None.NONE) {
            out.append("None");
        } else if (value instanceof PyList list) {
            writeAll("[", list.iterator(), "]");
        } else if (value instanceof PyTuple tuple) {
            writeAll("(", tuple.iterator(), tuple.size() == 1 ? ",)" : ")");
        } else if (value instanceof PyDict dict) {
            writeDict(dict);
        } else {
            writeRare(value);
        }
    }

    private void writeRare(Object value) {
        if (value instanceof Markup markup) {
            out.append("Markup(").append(quoted(markup.text())).append(')');
        } else if (value instanceof Undefined) {
            out.append("Undefined");
        } else if (value instanceof DictView view) {
            writeAll(view.kind().typeName() + "([", view.iterator(), "])");
        } else if (value instanceof PyRange range) {
            out.append(range.repr());
        } else if (value instanceof PyBytes bytes) {
            out.append(bytes.repr());
        } else if (value instanceof Namespace namespace) {
            writeNamespace(namespace);
        } else if (value instanceof Callable callable) {
            out.append(callable.repr());
        } else if (value instanceof BlockTable) {
            out.append("<TemplateReference None>");
        } else {
            throw TemplateException.unsupported(
                    "a %s object is shown, which Python does with its address"
                            .formatted(Types.name(value)));
        }
    }

    private void writeNamespace(Namespace namespace) {
        if (++namespaces > MAX_NAMESPACES) {
            throw TemplateException.limit("namespaces nested deeper than " + MAX_NAMESPACES);
        }
        out.append("<Namespace ");
        writeDict(namespace.attributes());
        out.append('>');
        namespaces--;
    }

    private void writeAll(String open, Iterator<Object> values, String close) {
        out.append(open);
        String separator = "";
        while (values.hasNext()) {
            out.append(separator);
            write(values.next());
            separator = ", ";
        }
        out.append(close);
    }

    private void writeDict(PyDict dict) {
        out.append('{');
        String separator = "";
        for (PyDict.Entry entry : dict.entries()) {
            out.append(separator);
            write(entry.key());
            out.append(": ");
            write(entry.value());
            separator = ", ";
        }
        out.append('}');
    }
}
