// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** {@code of[key]}. */
final class ElementExpression extends Expression {

    private final Expression of;
    private final Expression key;

    ElementExpression(int line, Expression of, Expression key) {
        super(line, of, key);
        this.of = of;
        this.key = key;
    }

    @Override
    Object evaluate(Scope scope) {
        scope.rendering().step();
        return Attributes.element(scope.rendering(), of.evaluate(scope), key.evaluate(scope));
    }
}
