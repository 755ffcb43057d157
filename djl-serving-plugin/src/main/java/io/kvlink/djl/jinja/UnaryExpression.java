// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** {@code not x}, {@code -x} or {@code +x}. */
final class UnaryExpression extends Expression {

    private final String operator;
    private final Expression of;

    UnaryExpression(int line, String operator, Expression of) {
        super(line, of);
        this.operator = operator;
        this.of = of;
    }

    @Override
    Object evaluate(Scope scope) {
        Object value = of.evaluate(scope);
        return switch (operator) {
            case "not" -> !Truth.of(value);
            case "-" -> Arithmetic.negated(value);
            default -> Arithmetic.positive(value);
        };
    }
}
