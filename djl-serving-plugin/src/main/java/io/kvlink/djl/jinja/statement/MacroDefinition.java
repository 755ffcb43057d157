// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.FunctionFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parameters and body of a macro, or of a {@code call} block. */
public final class MacroDefinition {

    private final String name;
    private final int line;
    private final List<String> parameters;
    // Of the last parameters.
    private final List<Expression> defaults;
    private final Body body;
    private final int depth;
    private @Nullable FunctionFrame function;
    private Entry entry = new Entry(List.of());
    private Place[] places = {};
    private @Nullable Place caller;
    private @Nullable Place named;
    private @Nullable Place rest;

    /**
     * A definition.
     *
     * @param name empty for that of a {@code call} block
     * @param depth how deeply a call nests statements and expressions
     */
    public MacroDefinition(
            String name,
            int line,
            List<String> parameters,
            List<Expression> defaults,
            Body body,
            int depth) {
        this.name = name;
        this.line = line;
        this.parameters = List.copyOf(parameters);
        this.defaults = List.copyOf(defaults);
        this.body = body;
        this.depth = depth;
    }

    String name() {
        return name;
    }

    List<String> parameters() {
        return parameters;
    }

    boolean takesCaller() {
        return caller != null;
    }

    boolean takesNamed() {
        return named != null;
    }

    boolean takesRest() {
        return rest != null;
    }

    void names(Names names) {
        parameters.forEach(names::parameter);
        defaults.forEach(value -> value.names(names));
        body.names(names);
    }

    void bind(BindFrame frame) {
        BindFrame inner = frame.innerFunction(false);
        Symbols symbols = inner.symbols();
        parameters.forEach(symbols::parameter);
        defaults.forEach(value -> value.names(symbols));
        body.declare(symbols);
        Set<String> special = Names.undeclared(body::names, "caller", "kwargs", "varargs");
        if (special.contains("caller")) {
            requireCallerDefault();
            if (!parameters.contains("caller")) {
                symbols.parameter("caller");
                caller = inner.place("caller", line);
            } else {
                caller = new Place(0, -1);
            }
        }
        if (special.contains("kwargs") && !parameters.contains("kwargs")) {
            symbols.parameter("kwargs");
            named = inner.place("kwargs", line);
        }
        if (special.contains("varargs") && !parameters.contains("varargs")) {
            symbols.parameter("varargs");
            rest = inner.place("varargs", line);
        }
        entry = symbols.entry();
        places = parameters.stream().map(name -> inner.place(name, line)).toArray(Place[]::new);
        defaults.forEach(value -> value.bind(inner));
        body.bind(inner);
        function = inner.function();
    }

    private void requireCallerDefault() {
        int at = parameters.indexOf("caller");
        if (at >= 0 && at < parameters.size() - defaults.size()) {
            throw new TemplateSyntaxException(
                    "When defining macros or call blocks the special \"caller\" argument must be"
                            + " omitted or be given a default.",
                    line);
        }
    }

    /**
     * Runs the body.
     *
     * @param outer where the macro was defined
     * @param values by place of the parameters; null where one was left out
     */
    String run(
            Rendering rendering,
            Scope outer,
            @Nullable Object[] values,
            @Nullable Object callerValue,
            PyDict namedValues,
            PyTuple restValues) {
        if (function == null) {
            throw new IllegalStateException("a macro that wasn't bound");
        }
        Scope scope = outer.inner(function);
        rendering.enter(depth);
        entry.enter(scope);
        for (int i = 0; i < places.length; i++) {
            places[i].set(scope, values[i]);
        }
        if (caller != null && caller.index() >= 0) {
            caller.set(scope, callerValue);
        }
        if (named != null) {
            named.set(scope, namedValues);
        }
        if (rest != null) {
            rest.set(scope, restValues);
        }
        fillIn(scope);
        String text = body.text(scope);
        rendering.leave(depth);
        return text;
    }

    private void fillIn(Scope scope) {
        int firstDefault = parameters.size() - defaults.size();
        for (int i = 0; i < places.length; i++) {
            if (places[i].get(scope) != null) {
                continue;
            }
            places[i].set(
                    scope,
                    i >= firstDefault
                            ? defaults.get(i - firstDefault).evaluate(scope)
                            : Undefined.because(
                                    "parameter %s was not provided"
                                            .formatted(Repr.quoted(parameters.get(i)))));
        }
    }
}
