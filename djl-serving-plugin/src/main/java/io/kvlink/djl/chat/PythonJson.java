// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The filter {@code tojson}: JSON spaced as Python's {@code json.dumps} does. */
final class PythonJson implements Filter {

    private static final Gson SCALARS = new GsonBuilder().disableHtmlEscaping().create();
    private static final int MAX_INDENT = 16;

    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(@Nullable Object value, JinjavaInterpreter interpreter, String... args) {
        return write(value, 0);
    }

    @Override
    public Object filter(
            @Nullable Object value,
            JinjavaInterpreter interpreter,
            Object[] args,
            Map<String, Object> named) {
        Object indent = named.get("indent");
        return write(value, indent instanceof Number number ? number.intValue() : 0);
    }

    /** {@code indent} spaces a level, each part on a line of its own; 0 for one line. */
    static String write(@Nullable Object value, int indent) {
        StringBuilder json = new StringBuilder();
        write(value, Math.min(MAX_INDENT, Math.max(0, indent)), 0, json);
        return json.toString();
    }

    private static void write(@Nullable Object value, int indent, int depth, StringBuilder json) {
        if (value instanceof Map<?, ?> map) {
            writeAll(map.entrySet(), '{', '}', indent, depth, json);
        } else if (value instanceof Collection<?> list) {
            writeAll(list, '[', ']', indent, depth, json);
        } else if (value instanceof Map.Entry<?, ?> entry) {
            SCALARS.toJson(String.valueOf(entry.getKey()), json);
            json.append(": ");
            write(entry.getValue(), indent, depth, json);
        } else if (value instanceof Object[] array) {
            writeAll(List.of(array), '[', ']', indent, depth, json);
        } else if (value instanceof CharSequence text) {
            SCALARS.toJson(text.toString(), json);
        } else {
            json.append(value);
        }
    }

    private static void writeAll(
            Collection<?> parts, char open, char close, int indent, int depth, StringBuilder json) {
        json.append(open);
        String separator = "";
        for (Object part : parts) {
            json.append(separator);
            newLine(indent, depth + 1, json);
            write(part, indent, depth + 1, json);
            separator = indent > 0 ? "," : ", ";
        }
        if (!parts.isEmpty()) {
            newLine(indent, depth, json);
        }
        json.append(close);
    }

    private static void newLine(int indent, int depth, StringBuilder json) {
        if (indent > 0) {
            json.append('\n').append(" ".repeat(indent * depth));
        }
    }
}
