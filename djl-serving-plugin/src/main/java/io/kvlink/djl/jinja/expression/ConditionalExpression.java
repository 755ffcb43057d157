// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Undefined;
import org.jspecify.annotations.Nullable;

/** {@code a if test else b}. */
public final class ConditionalExpression extends Expression {

    private final Expression test;
    private final Expression then;
    private final @Nullable Expression otherwise;

    public ConditionalExpression(
            int line, Expression test, Expression then, @Nullable Expression otherwise) {
        super(line, test, then, otherwise);
        this.test = test;
        this.then = then;
        this.otherwise = otherwise;
    }

    @Override
    public Object evaluate(Scope scope) {
        if (Truth.of(test.evaluate(scope))) {
            return then.evaluate(scope);
        }
        if (otherwise != null) {
            return otherwise.evaluate(scope);
        }
        return Undefined.because(
                "the inline if-expression on line %d evaluated to false and no else section was defined."
                        .formatted(line()));
    }
}
