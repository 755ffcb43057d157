// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.Scope;

/** Number, text, {@code true}, {@code false} or {@code none}. */
public final class ConstantExpression extends Expression {

    private final Object value;

    public ConstantExpression(int line, Object value) {
        super(line);
        this.value = value;
    }

    public Object value() {
        return value;
    }

    @Override
    public Object evaluate(Scope scope) {
        return value;
    }
}
