// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Html;
import io.kvlink.djl.jinja.value.DictView;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;

/** Filters for HTML and its addresses. */
final class HtmlFilters {

    private static final String SAFE =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";

    private HtmlFilters() {}

    static void addTo(Map<String, Filter> all) {
        put(all, "escape", "", (r, value, a) -> Markup.escape(r, value));
        put(all, "forceescape", "", (r, value, a) -> Markup.escape(r, Repr.str(r, value)));
        put(
                all,
                "safe",
                "",
                (r, value, a) -> value instanceof Markup ? value : new Markup(Repr.str(r, value)));
        put(all, "striptags", "", (r, value, a) -> Html.withoutTags(r, Repr.str(r, value)));
        put(all, "urlencode", "", (r, value, a) -> urlEncoded(r, value));
        put(all, "xmlattr", "autospace?", HtmlFilters::attributes);
    }

    private static void put(
            Map<String, Filter> all, String name, String parameters, Filter.Body body) {
        all.put(name, Filter.of(name, parameters, body));
    }

    private static String urlEncoded(Rendering rendering, Object value) {
        if (Text.is(value) || !Iteration.isIterable(value)) {
            return quoted(rendering, value, false);
        }
        TextBuffer out = new TextBuffer(rendering);
        Object pairs =
                value instanceof PyDict dict ? new DictView(dict, DictView.Kind.ITEMS) : value;
        for (Iterator<Object> all = Iteration.of(pairs); all.hasNext(); ) {
            Object[] pair = new Object[2];
            int count = 0;
            for (Iterator<Object> parts = Iteration.of(all.next()); parts.hasNext(); count++) {
                Object part = parts.next();
                if (count < 2) {
                    pair[count] = part;
                }
            }
            if (count != 2) {
                throw TemplateException.value("not two values to unpack: " + count);
            }
            out.append(out.length() > 0 ? "&" : "");
            out.append(quoted(rendering, pair[0], true)).append('=');
            out.append(quoted(rendering, pair[1], true));
        }
        return out.toString();
    }

    private static String quoted(Rendering rendering, Object value, boolean forQuery) {
        byte[] bytes =
                value instanceof PyBytes raw
                        ? raw.bytes()
                        : Repr.str(rendering, value).getBytes(StandardCharsets.UTF_8);
        TextBuffer out = new TextBuffer(rendering);
        for (byte b : bytes) {
            char c = (char) (b & 0xff);
            if (SAFE.indexOf(c) >= 0 || (c == '/' && !forQuery)) {
                out.append(c);
            } else if (c == ' ' && forQuery) {
                out.append('+');
            } else {
                out.append(String.format("%%%02X", (int) c));
            }
        }
        return out.toString();
    }

    private static Object attributes(Rendering rendering, Object value, Object[] given) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (!(value instanceof PyDict dict)) {
            throw TemplateException.of(
                    TemplateException.Kind.ATTRIBUTE,
                    "'%s' object has no attribute 'items'".formatted(Types.name(value)));
        }
        TextBuffer out = new TextBuffer(rendering);
        for (PyDict.Entry entry : dict.entries()) {
            if (entry.value() == None.NONE || entry.value() instanceof Undefined) {
                continue;
            }
            String key = TextArguments.required("search", entry.key());
            if (key.chars().anyMatch(c -> c < 0x80 && (" \t\n\r\f\u000b/>=".indexOf(c) >= 0))) {
                throw TemplateException.value(
                        "Invalid character in attribute name: " + Repr.quoted(key));
            }
            out.append(out.length() > 0 ? " " : "");
            out.append(Markup.escape(rendering, entry.key()).text()).append("=\"");
            out.append(Markup.escape(rendering, entry.value()).text()).append('"');
        }
        boolean space = (given[0] == null || Truth.of(given[0])) && out.length() > 0;
        String text = space ? " " + out : out.toString();
        return rendering.autoescape() ? new Markup(text) : text;
    }
}
