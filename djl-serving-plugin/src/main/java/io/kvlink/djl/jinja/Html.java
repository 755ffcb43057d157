// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import java.util.Map;

/** Text of HTML without its tags and entities. */
final class Html {

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

    private static final int LONGEST_ENTITY = 34;

    private Html() {}

    /** Without comments and tags, white space collapsed: markupsafe's {@code striptags}. */
    static String withoutTags(Rendering rendering, String html) {
        rendering.scan(html.length());
        String bare = withoutTags(withoutComments(rendering, html));
        return unescaped(String.join(" ", Splitting.words(rendering, bare, Long.MAX_VALUE)));
    }

    /** From the beginning each time, since a mark may come about where two rests meet. */
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

    static String unescaped(String html) {
        StringBuilder out = new StringBuilder(html.length());
        int at = 0;
        for (int mark; (mark = html.indexOf('&', at)) >= 0; ) {
            out.append(html, at, mark);
            int end = html.indexOf(';', mark);
            String text =
                    end < 0 || end - mark > LONGEST_ENTITY
                            ? ""
                            : entity(html.substring(mark + 1, end));
            out.append(text.isEmpty() ? "&" : text);
            at = text.isEmpty() ? mark + 1 : end + 1;
        }
        return out.append(html.substring(at)).toString();
    }

    private static String entity(String name) {
        if (!name.startsWith("#")) {
            String text = ENTITIES.get(name);
            if (text == null && name.chars().allMatch(Character::isLetterOrDigit)) {
                throw TemplateException.unsupported("the HTML entity &%s;".formatted(name));
            }
            return text == null ? "" : text;
        }
        boolean hex = name.startsWith("#x") || name.startsWith("#X");
        String digits = name.substring(hex ? 2 : 1);
        if (digits.isEmpty()
                || digits.length() > 8
                || !digits.chars().allMatch(c -> Character.digit(c, hex ? 16 : 10) >= 0)) {
            return "";
        }
        long point = Long.parseLong(digits, hex ? 16 : 10);
        boolean character = point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point < 0xe000);
        return character ? Character.toString((int) point) : "\ufffd";
    }
}
