// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.OfModule;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Undefined;
import io.kvlink.djl.jinja.value.WithAttributes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A macro as a value, with the variables around its definition. */
final class Macro implements Callable, WithAttributes, OfModule {

    private final MacroDefinition definition;
    private final Scope outer;

    Macro(MacroDefinition definition, Scope outer) {
        this.definition = definition;
        this.outer = outer;
    }

    @Override
    public Object call(Rendering rendering, Arguments arguments) {
        List<String> parameters = definition.parameters();
        List<Object> given = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        @Nullable Object[] values = new Object[parameters.size()];
        int placed = Math.min(given.size(), values.length);
        for (int i = 0; i < placed; i++) {
            values[i] = given.get(i);
        }
        // Jinja2 looks for an explicit caller by name only if places are left.
        boolean callerFound = placed == values.length && parameters.contains("caller");
        for (int i = placed; i < values.length; i++) {
            values[i] = named.remove(parameters.get(i));
            callerFound |= parameters.get(i).equals("caller");
        }
        Object caller = null;
        if (definition.takesCaller() && !callerFound) {
            caller = named.remove("caller");
            if (caller == null || caller == None.NONE) {
                caller = Undefined.because("No caller defined");
            }
        }
        requireFit(given, named);
        PyDict more = new PyDict();
        named.forEach(more::put);
        PyTuple rest = new PyTuple(given.subList(placed, given.size()));
        String text = definition.run(rendering, outer, values, caller, more, rest);
        return rendering.autoescape() ? new Markup(text) : text;
    }

    private void requireFit(List<Object> given, Map<String, Object> named) {
        String shown = shownName();
        if (!named.isEmpty() && !definition.takesNamed()) {
            String name = named.keySet().iterator().next();
            throw TemplateException.type(
                    named.containsKey("caller")
                            ? "macro %s was invoked with two values for the special caller argument. This is most likely a bug."
                                    .formatted(shown)
                            : "macro %s takes no keyword argument %s"
                                    .formatted(shown, Repr.quoted(name)));
        }
        if (given.size() > definition.parameters().size() && !definition.takesRest()) {
            throw TemplateException.type(
                    "macro %s takes not more than %d argument(s)"
                            .formatted(shown, definition.parameters().size()));
        }
    }

    private String shownName() {
        return definition.name().isEmpty() ? "None" : Repr.quoted(definition.name());
    }

    @Override
    public @Nullable Object attribute(String name) {
        return switch (name) {
            case "name" -> definition.name().isEmpty() ? None.NONE : definition.name();
            case "arguments" -> new PyTuple(definition.parameters());
            case "catch_kwargs" -> definition.takesNamed();
            case "catch_varargs" -> definition.takesRest();
            case "caller" -> definition.takesCaller();
            case "explicit_caller" -> definition.parameters().contains("caller");
            default -> null;
        };
    }

    @Override
    public String repr() {
        return definition.name().isEmpty() ? "<Macro anonymous>" : "<Macro " + shownName() + ">";
    }

    @Override
    public String typeName() {
        return "Macro";
    }

    @Override
    public String module() {
        return OfModule.RUNTIME;
    }
}
