// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.operate.Arithmetic;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Truth;

/** {@code not x}, {@code -x} or {@code +x}. */
public final class UnaryExpression extends Expression {

    private final String operator;
    private final Expression of;

    public UnaryExpression(int line, String operator, Expression of) {
        super(line, of);
        this.operator = operator;
        this.of = of;
    }

    @Override
    public Object evaluate(Scope scope) {
        Object value = of.evaluate(scope);
        return switch (operator) {
            case "not" -> !Truth.of(value);
            case "-" -> Arithmetic.negated(value);
            default -> Arithmetic.positive(value);
        };
    }
}
