// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyTuple;
import java.util.ArrayList;
import java.util.List;

/** {@code [a, b]} or {@code (a, b)}. */
public final class SequenceExpression extends Expression {

    private final List<Expression> items;
    private final boolean tuple;

    public SequenceExpression(int line, List<Expression> items, boolean tuple) {
        super(line, items);
        this.items = List.copyOf(items);
        this.tuple = tuple;
    }

    public List<Expression> items() {
        return items;
    }

    public boolean isTuple() {
        return tuple;
    }

    @Override
    public Object evaluate(Scope scope) {
        List<Object> values = new ArrayList<>(items.size());
        for (Expression item : items) {
            values.add(item.evaluate(scope));
        }
        return scope.rendering().made(tuple ? new PyTuple(values) : new PyList(values));
    }
}
