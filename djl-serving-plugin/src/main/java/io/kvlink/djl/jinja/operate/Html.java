// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Rendering;
import java.util.Map;

/** Text of HTML without its tags and entities. */
public final class Html {

    private static final Map<String, String> ENTITIES =
            Map.ofEntries(
                    Map.entry("amp", "&"),
                    Map.entry("lt", "<"),
                    Map.entry("gt", ">"),
                    Map.entry("quot", "\""),
                    Map.entry("apos", "'"),
                    Map.entry("nbsp", "\u00a0"),
                    Map.entry("copy", "\u00a9"),
                    Map.entry("reg", "\u00ae"),
                    Map.entry("laquo", "\u00ab"),
                    Map.entry("raquo", "\u00bb"),
                    Map.entry("hellip", "\u2026"),
                    Map.entry("mdash", "\u2014"),
                    Map.entry("ndash", "\u2013"));

    private Html() {}

    /** Removes comments and tags, and collapses white space: markupsafe's {@code striptags}. */
    public static String withoutTags(Rendering rendering, String html) {
        rendering.scan(html.length());
        String bare = withoutTags(withoutComments(rendering, html));
        return unescaped(String.join(" ", Splitting.words(rendering, bare, Long.MAX_VALUE)));
    }

    /**
     * Removes comments, from the beginning each time, since a mark may come about where two rests
     * meet.
     */
    private static String withoutComments(Rendering rendering, String html) {
        String text = html;
        for (int start; (start = text.indexOf("<!--")) >= 0; ) {
            int end = text.indexOf("-->", start);
            if (end < 0) {
                break;
            }
            rendering.scan(text.length());
            text = text.substring(0, start) + text.substring(end + 3);
        }
        return text;
    }

    private static String withoutTags(String html) {
        StringBuilder out = new StringBuilder(html.length());
        int at = 0;
        for (int start; (start = html.indexOf('<', at)) >= 0; ) {
            int end = html.indexOf('>', start);
            if (end < 0) {
                break;
            }
            out.append(html, at, start);
            at = end + 1;
        }
        return out.append(html.substring(at)).toString();
    }

    /** Python's {@code html.unescape}, for entities by number and the commonest by name. */
    static String unescaped(String html) {
        StringBuilder out = new StringBuilder(html.length());
        int at = 0;
        for (int mark; (mark = html.indexOf('&', at)) >= 0; ) {
            out.append(html, at, mark);
            int end = mark + 1;
            while (end < html.length() && isOfEntity(html.charAt(end), end == mark + 1)) {
                end++;
            }
            String name = html.substring(mark + 1, end);
            boolean closed = end < html.length() && html.charAt(end) == ';';
            boolean none = name.isEmpty() || name.equals("#");
            out.append(none ? "&" + name : entity(name, closed));
            at = closed && !none ? end + 1 : end;
        }
        return out.append(html.substring(at)).toString();
    }

    private static boolean isOfEntity(char c, boolean first) {
        return (c < 0x80 && Character.isLetterOrDigit(c)) || (first && c == '#');
    }

    private static String entity(String name, boolean closed) {
        if (!name.startsWith("#")) {
            String text = closed ? ENTITIES.get(name) : null;
            if (text == null) {
                throw TemplateException.unsupported("the HTML entity &" + name);
            }
            return text;
        }
        boolean hex = name.startsWith("#x") || name.startsWith("#X");
        String digits = name.substring(hex ? 2 : 1);
        boolean number =
                !digits.isEmpty()
                        && digits.length() <= 8
                        && digits.chars().allMatch(c -> Character.digit(c, hex ? 16 : 10) >= 0);
        long point = number ? Long.parseLong(digits, hex ? 16 : 10) : 0;
        boolean plain =
                (point >= 0x20 && point < 0x7f)
                        || (point >= 0xa0 && point < 0xd800)
                        || (point >= 0xe000 && point < 0xfdd0)
                        || (point >= 0x10000 && point < 0x1fffe);
        if (!plain) {
            throw TemplateException.unsupported("the HTML entity &" + name);
        }
        return Character.toString((int) point);
    }
}
