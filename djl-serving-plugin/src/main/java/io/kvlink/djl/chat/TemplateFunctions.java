// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;
import java.lang.reflect.Method;
import java.time.ZonedDateTime;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The functions that Hugging Face gives to chat templates. */
final class TemplateFunctions {

    /** The variable of a rendering that holds its time. */
    static final String NOW = "kvlink_now";

    static final String DATE_FUNCTION = "strftime_now";

    private TemplateFunctions() {}

    static List<ELFunctionDefinition> all() {
        return List.of(define("raise_exception", "raise"), define(DATE_FUNCTION, "formattedNow"));
    }

    private static ELFunctionDefinition define(String name, String method) {
        try {
            Method called = TemplateFunctions.class.getDeclaredMethod(method, Object.class);
            called.setAccessible(true); // Jinjava calls it from its own package.
            return new ELFunctionDefinition("", name, called);
        } catch (NoSuchMethodException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Messages that the template doesn't take. */
    @SuppressWarnings("DoNotCallSuggester") // Called by templates, by its name.
    static Object raise(@Nullable Object message) {
        throw new ChatTemplateException("the model's chat template says: " + message);
    }

    /** The time of the rendering as Python's {@code strftime} writes it. */
    static String formattedNow(Object format) {
        Object now = JinjavaInterpreter.getCurrent().getContext().get(NOW);
        return StrftimeFormatter.format((ZonedDateTime) now, String.valueOf(format));
    }
}
