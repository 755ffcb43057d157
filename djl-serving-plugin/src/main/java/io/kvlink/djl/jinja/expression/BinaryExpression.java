// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.operate.Arithmetic;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Rendering;

/** Arithmetic: {@code a + b} and its like. */
public final class BinaryExpression extends Expression {

    private final String operator;
    private final Expression left;
    private final Expression right;

    public BinaryExpression(int line, String operator, Expression left, Expression right) {
        super(line, left, right);
        this.operator = operator;
        this.left = left;
        this.right = right;
    }

    @Override
    public Object evaluate(Scope scope) {
        Rendering rendering = scope.rendering();
        Object a = left.evaluate(scope);
        Object b = right.evaluate(scope);
        return rendering.made(Arithmetic.binary(rendering, operator, a, b));
    }
}
