// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.TextBuffer;
import java.util.ArrayList;
import java.util.List;

/** {@code a ~ b}: the texts of values, one behind the other. */
public final class ConcatExpression extends Expression {

    private final List<Expression> operands;
    private boolean escaping;

    public ConcatExpression(int line, List<Expression> operands) {
        super(line, operands);
        this.operands = List.copyOf(operands);
    }

    @Override
    public void bind(BindFrame frame) {
        super.bind(frame);
        escaping = frame.escaping().mode() == BindFrame.Escaping.Mode.ON;
    }

    @Override
    public Object evaluate(Scope scope) {
        Rendering rendering = scope.rendering();
        List<Object> values = new ArrayList<>(operands.size());
        for (Expression operand : operands) {
            values.add(operand.evaluate(scope));
        }
        boolean markup = escaping && values.stream().anyMatch(Markup.class::isInstance);
        TextBuffer out = new TextBuffer(rendering);
        for (Object value : values) {
            out.append(
                    markup ? Markup.escape(rendering, value).text() : Repr.str(rendering, value));
        }
        return rendering.made(markup ? new Markup(out.toString()) : out.toString());
    }
}
