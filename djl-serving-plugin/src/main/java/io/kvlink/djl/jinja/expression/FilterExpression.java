// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.builtin.Filter;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Rendering;
import org.jspecify.annotations.Nullable;

/** {@code of | name(arguments)}. */
public final class FilterExpression extends Expression {

    // Null within a filter block or a block set: what was written.
    private final @Nullable Expression of;
    private final Filter filter;
    private final ArgumentExpressions arguments;

    public FilterExpression(
            int line, @Nullable Expression of, Filter filter, ArgumentExpressions arguments) {
        super(line, arguments.with(of));
        this.of = of;
        this.filter = filter;
        this.arguments = arguments;
    }

    @Override
    public boolean isConstant() {
        return false;
    }

    @Override
    public Object evaluate(Scope scope) {
        if (of == null) {
            throw new IllegalStateException("a filter without a value");
        }
        return apply(scope, of.evaluate(scope));
    }

    /** The filtered value, where the innermost of a chain has what was written. */
    public Object evaluate(Scope scope, Object written) {
        if (of instanceof FilterExpression inner) {
            return apply(scope, inner.evaluate(scope, written));
        }
        return apply(scope, of == null ? written : of.evaluate(scope));
    }

    private Object apply(Scope scope, Object value) {
        Rendering rendering = scope.rendering();
        return rendering.made(filter.apply(rendering, value, arguments.evaluate(scope)));
    }
}
