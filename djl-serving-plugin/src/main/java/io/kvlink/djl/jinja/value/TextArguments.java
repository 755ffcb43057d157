// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.TemplateException;
import org.jspecify.annotations.Nullable;

/** Arguments of the methods of {@code str}. */
public final class TextArguments {

    private TextArguments() {}

    public static String required(String function, @Nullable Object given) {
        if (given == null || !Text.is(given)) {
            throw TemplateException.type(
                    "%s() argument must be str, not %s"
                            .formatted(function, given == null ? "missing" : Types.name(given)));
        }
        return Text.of(given);
    }

    public static @Nullable String textOrNone(String function, @Nullable Object given) {
        if (given == null || given == None.NONE) {
            return null;
        }
        if (!Text.is(given)) {
            throw TemplateException.type("%s arg must be None or str".formatted(function));
        }
        return Text.of(given);
    }

    /** The argument as a method of {@code self} takes it: those of markup escape it. */
    public static String escapedLike(Rendering rendering, Object self, Object given) {
        return self instanceof Markup ? Markup.escape(rendering, given).text() : Text.of(given);
    }
}
