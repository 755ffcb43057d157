// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import org.jspecify.annotations.Nullable;

/** {@code callee(arguments)}. */
final class CallExpression extends Expression {

    private final Expression callee;
    private final ArgumentExpressions arguments;

    CallExpression(int line, Expression callee, ArgumentExpressions arguments) {
        super(line, arguments.with(callee));
        this.callee = callee;
        this.arguments = arguments;
    }

    ArgumentExpressions arguments() {
        return arguments;
    }

    @Override
    boolean isConstant() {
        return false;
    }

    @Override
    Object evaluate(Scope scope) {
        return evaluate(scope, null);
    }

    /** Calls with the body of a {@code call} block as further argument. */
    Object evaluate(Scope scope, @Nullable Callable caller) {
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
