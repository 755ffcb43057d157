// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.builtin.Filter;
import io.kvlink.djl.jinja.scope.Scope;

/** {@code of is name(arguments)}. */
public final class TestExpression extends Expression {

    private final Expression of;
    private final Filter test;
    private final ArgumentExpressions arguments;

    public TestExpression(int line, Expression of, Filter test, ArgumentExpressions arguments) {
        super(line, arguments.with(of));
        this.of = of;
        this.test = test;
        this.arguments = arguments;
    }

    @Override
    public boolean isConstant() {
        return false;
    }

    @Override
    public Object evaluate(Scope scope) {
        scope.rendering().step();
        Object value = of.evaluate(scope);
        return test.apply(scope.rendering(), value, arguments.evaluate(scope));
    }
}
