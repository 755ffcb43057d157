// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.PyDict;
import java.util.ArrayList;
import java.util.List;

/** <code>{key: value}</code>. */
public final class DictExpression extends Expression {

    /** One entry. */
    public record Pair(Expression key, Expression value) {}

    private final List<Pair> pairs;

    public DictExpression(int line, List<Pair> pairs) {
        super(line, all(pairs));
        this.pairs = List.copyOf(pairs);
    }

    private static List<Expression> all(List<Pair> pairs) {
        List<Expression> all = new ArrayList<>();
        for (Pair pair : pairs) {
            all.add(pair.key());
            all.add(pair.value());
        }
        return all;
    }

    @Override
    public Object evaluate(Scope scope) {
        PyDict dict = new PyDict();
        for (Pair pair : pairs) {
            dict.put(pair.key().evaluate(scope), pair.value().evaluate(scope));
        }
        return scope.rendering().made(dict);
    }
}
