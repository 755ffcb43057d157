// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

/** Text that is HTML already: Python's {@code markupsafe.Markup}. */
public record Markup(String text) {

    /** HTML for any value: markup as it is, other text escaped. */
    public static Markup escape(Rendering rendering, Object value) {
        if (value instanceof Markup markup) {
            return markup;
        }
        return new Markup(escaped(rendering, Repr.str(rendering, value)));
    }

    private static String escaped(Rendering rendering, String text) {
        TextBuffer out = new TextBuffer(rendering);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '\'' -> out.append("&#39;");
                case '"' -> out.append("&#34;");
                default -> out.append(c);
            }
        }
        return out.toString();
    }
}
