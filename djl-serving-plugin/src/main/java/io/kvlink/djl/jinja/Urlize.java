// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import org.jspecify.annotations.Nullable;

/** The filter {@code urlize}, for texts without anything that it might take for a link. */
final class Urlize {

    private Urlize() {}

    static Object filter(Rendering rendering, Object value, @Nullable Object[] given) {
        String text = Markup.escape(rendering, value).text();
        if (text.indexOf('.') >= 0 || text.indexOf('@') >= 0 || text.indexOf(':') >= 0) {
            throw TemplateException.unsupported("urlize of a text that may have links");
        }
        return rendering.autoescape() ? new Markup(text) : text;
    }
}
