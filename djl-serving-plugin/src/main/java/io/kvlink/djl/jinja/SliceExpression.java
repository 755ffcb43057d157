// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import org.jspecify.annotations.Nullable;

/** {@code of[start:stop:step]}. */
final class SliceExpression extends Expression {

    private final Expression of;
    private final @Nullable Expression start;
    private final @Nullable Expression stop;
    private final @Nullable Expression step;

    SliceExpression(
            int line,
            Expression of,
            @Nullable Expression start,
            @Nullable Expression stop,
            @Nullable Expression step) {
        super(line, of, start, stop, step);
        this.of = of;
        this.start = start;
        this.stop = stop;
        this.step = step;
    }

    @Override
    Object evaluate(Scope scope) {
        Rendering rendering = scope.rendering();
        Object sliced = of.evaluate(scope);
        return rendering.made(
                Subscript.slice(
                        rendering,
                        sliced,
                        value(start, scope),
                        value(stop, scope),
                        value(step, scope)));
    }

    private static Object value(@Nullable Expression bound, Scope scope) {
        return bound == null ? None.NONE : bound.evaluate(scope);
    }
}
