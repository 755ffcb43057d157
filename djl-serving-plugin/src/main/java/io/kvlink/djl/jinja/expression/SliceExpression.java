// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Subscript;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Undefined;
import org.jspecify.annotations.Nullable;

/** {@code of[start:stop:step]}. */
public final class SliceExpression extends Expression {

    private final Expression of;
    private final @Nullable Expression start;
    private final @Nullable Expression stop;
    private final @Nullable Expression step;
    private boolean folded;

    public SliceExpression(
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
    public void fold() {
        super.fold();
        folded = true;
    }

    @Override
    public Object evaluate(Scope scope) {
        Rendering rendering = scope.rendering();
        Object sliced = of.evaluate(scope);
        Object from = value(start, scope);
        Object to = value(stop, scope);
        try {
            return rendering.made(Subscript.slice(rendering, sliced, from, to, value(step, scope)));
        } catch (TemplateException failure) {
            if (folded && failure.kind() == TemplateException.Kind.TYPE) {
                // What Jinja2 computes beforehand goes another way, without the error.
                return Undefined.part(rendering, sliced, None.NONE);
            }
            throw failure;
        }
    }

    private static Object value(@Nullable Expression bound, Scope scope) {
        return bound == null ? None.NONE : bound.evaluate(scope);
    }
}
