// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** {@code of.name}. */
final class AttributeExpression extends Expression {

    private final Expression of;
    private final String name;

    AttributeExpression(int line, Expression of, String name) {
        super(line, of);
        this.of = of;
        this.name = name;
    }

    String name() {
        return name;
    }

    @Override
    boolean isConstant() {
        return false;
    }

    @Override
    Object evaluate(Scope scope) {
        return Attributes.attribute(scope.rendering(), of.evaluate(scope), name);
    }
}
