// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.ConstantExpression;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.BindFrame.Escaping.Mode;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;

/** {@code {{ value }}}, or text between tags. */
public final class OutputStatement extends Statement {

    private final Expression value;
    private final boolean data;
    private Mode mode = Mode.OFF;

    private OutputStatement(Expression value, boolean data) {
        super(value.line());
        this.value = value;
        this.data = data;
        if (value.isConstant()) {
            value.fold();
        }
    }

    public static OutputStatement of(Expression value) {
        return new OutputStatement(value, false);
    }

    public static OutputStatement ofData(int line, String text) {
        return new OutputStatement(new ConstantExpression(line, text), true);
    }

    /** True if the statement writes nothing but white space of the template's own. */
    public boolean isBlank() {
        return data
                && value instanceof ConstantExpression text
                && ((String) text.value()).codePoints().allMatch(Text::isSpace);
    }

    @Override
    void names(Names names) {
        value.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        value.names(symbols);
    }

    @Override
    void bind(BindFrame frame) {
        value.bind(frame);
        mode = data ? Mode.OFF : frame.escaping().mode();
    }

    @Override
    Flow run(Scope scope) {
        Rendering rendering = scope.rendering();
        Object shown = value.evaluate(scope);
        boolean escaped = mode == Mode.ON || (mode == Mode.OPEN && rendering.autoescape());
        rendering.write(
                escaped ? Markup.escape(rendering, shown).text() : Repr.str(rendering, shown));
        return Flow.NEXT;
    }
}
