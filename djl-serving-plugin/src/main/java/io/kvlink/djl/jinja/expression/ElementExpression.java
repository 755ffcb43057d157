// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.operate.Attributes;
import io.kvlink.djl.jinja.scope.Scope;

/** {@code of[key]}. */
public final class ElementExpression extends Expression {

    private final Expression of;
    private final Expression key;

    public ElementExpression(int line, Expression of, Expression key) {
        super(line, of, key);
        this.of = of;
        this.key = key;
    }

    @Override
    public Object evaluate(Scope scope) {
        scope.rendering().step();
        return Attributes.element(scope.rendering(), of.evaluate(scope), key.evaluate(scope));
    }
}
