// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.operate.Attributes;
import io.kvlink.djl.jinja.scope.Scope;

/** {@code of.name}. */
public final class AttributeExpression extends Expression {

    private final Expression of;
    private final String name;

    public AttributeExpression(int line, Expression of, String name) {
        super(line, of);
        this.of = of;
        this.name = name;
    }

    public String name() {
        return name;
    }

    @Override
    public boolean isConstant() {
        return false;
    }

    @Override
    public Object evaluate(Scope scope) {
        return Attributes.attribute(scope.rendering(), of.evaluate(scope), name);
    }
}
