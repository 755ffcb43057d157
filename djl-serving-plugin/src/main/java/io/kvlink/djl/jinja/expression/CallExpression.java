// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import org.jspecify.annotations.Nullable;

/** {@code callee(arguments)}. */
public final class CallExpression extends Expression {

    private final Expression callee;
    private final ArgumentExpressions arguments;

    public CallExpression(int line, Expression callee, ArgumentExpressions arguments) {
        super(line, arguments.with(callee));
        this.callee = callee;
        this.arguments = arguments;
    }

    public ArgumentExpressions arguments() {
        return arguments;
    }

    @Override
    public boolean isConstant() {
        return false;
    }

    @Override
    public Object evaluate(Scope scope) {
        return evaluate(scope, null);
    }

    /** Calls with the body of a {@code call} block as further argument. */
    public Object evaluate(Scope scope, @Nullable Callable caller) {
        Rendering rendering = scope.rendering();
        Object called = callee.evaluate(scope);
        Arguments given = arguments.evaluate(scope);
        if (caller != null) {
            given = given.withNamed("caller", caller);
        }
        int line = rendering.line();
        Object result = rendering.made(call(rendering, called, given));
        rendering.atLine(line);
        return result;
    }

    private static Object call(Rendering rendering, Object called, Arguments given) {
        if (called instanceof Callable callable) {
            return callable.call(rendering, given);
        }
        if (called instanceof Undefined undefined) {
            throw undefined.error();
        }
        throw TemplateException.type("'%s' object is not callable".formatted(Types.name(called)));
    }
}
