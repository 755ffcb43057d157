// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** Number, text, {@code true}, {@code false} or {@code none}. */
final class ConstantExpression extends Expression {

    private final Object value;

    ConstantExpression(int line, Object value) {
        super(line);
        this.value = value;
    }

    Object value() {
        return value;
    }

    @Override
    Object evaluate(Scope scope) {
        return value;
    }
}
