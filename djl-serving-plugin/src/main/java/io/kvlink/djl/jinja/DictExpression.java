// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import java.util.ArrayList;
import java.util.List;

/** <code>{key: value}</code>. */
final class DictExpression extends Expression {

    /** One entry. */
    record Pair(Expression key, Expression value) {}

    private final List<Pair> pairs;

    DictExpression(int line, List<Pair> pairs) {
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
    Object evaluate(Scope scope) {
        PyDict dict = new PyDict();
        for (Pair pair : pairs) {
            dict.put(pair.key().evaluate(scope), pair.value().evaluate(scope));
        }
        return scope.rendering().made(dict);
    }
}
