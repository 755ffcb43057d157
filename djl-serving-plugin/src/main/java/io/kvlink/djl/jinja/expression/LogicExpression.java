// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Truth;

/** {@code a and b}, {@code a or b}: one of the operands. */
public final class LogicExpression extends Expression {

    private final boolean and;
    private final Expression left;
    private final Expression right;

    public LogicExpression(int line, boolean and, Expression left, Expression right) {
        super(line, left, right);
        this.and = and;
        this.left = left;
        this.right = right;
    }

    @Override
    public Object evaluate(Scope scope) {
        Object value = left.evaluate(scope);
        return Truth.of(value) == and ? right.evaluate(scope) : value;
    }
}
