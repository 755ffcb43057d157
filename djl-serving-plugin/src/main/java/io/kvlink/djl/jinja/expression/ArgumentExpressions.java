// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Types;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Arguments of a call, a filter or a test.
 *
 * @param rest what {@code *} stands before
 * @param namedRest what {@code **} stands before
 */
public record ArgumentExpressions(
        List<Expression> positional,
        Map<String, Expression> named,
        @Nullable Expression rest,
        @Nullable Expression namedRest) {

    public static final ArgumentExpressions NONE =
            new ArgumentExpressions(List.of(), Map.of(), null, null);

    /** All of them, behind the expression that they are given to. */
    List<Expression> with(@Nullable Expression callee) {
        List<Expression> all = new ArrayList<>();
        if (callee != null) {
            all.add(callee);
        }
        all.addAll(positional);
        all.addAll(named.values());
        if (rest != null) {
            all.add(rest);
        }
        if (namedRest != null) {
            all.add(namedRest);
        }
        return all;
    }

    Arguments evaluate(Scope scope) {
        if (positional.isEmpty() && named.isEmpty() && rest == null && namedRest == null) {
            return Arguments.NONE;
        }
        List<Object> values = new ArrayList<>(positional.size());
        for (Expression argument : positional) {
            values.add(argument.evaluate(scope));
        }
        if (rest != null) {
            Object more = rest.evaluate(scope);
            for (Iterator<Object> all = Iteration.of(more); all.hasNext(); ) {
                scope.rendering().step();
                values.add(all.next());
            }
        }
        return new Arguments(values, named(scope));
    }

    private Map<String, Object> named(Scope scope) {
        if (named.isEmpty() && namedRest == null) {
            return Map.of();
        }
        Map<String, Object> values = new LinkedHashMap<>();
        named.forEach((name, argument) -> values.put(name, argument.evaluate(scope)));
        if (namedRest != null) {
            addRest(values, namedRest.evaluate(scope));
        }
        return values;
    }

    private static void addRest(Map<String, Object> values, Object more) {
        if (!(more instanceof PyDict dict)) {
            throw TemplateException.type(
                    "argument after ** must be a mapping, not " + Types.name(more));
        }
        for (PyDict.Entry entry : dict.entries()) {
            if (!Text.is(entry.key())) {
                throw TemplateException.type("keywords must be strings");
            }
            if (values.put(Text.of(entry.key()), entry.value()) != null) {
                throw TemplateException.type(
                        "got multiple values for keyword argument '%s'"
                                .formatted(Text.of(entry.key())));
            }
        }
    }
}
