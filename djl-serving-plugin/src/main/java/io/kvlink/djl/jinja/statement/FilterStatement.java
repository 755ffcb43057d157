// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.expression.FilterExpression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.BindFrame.Escaping.Mode;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Types;
import java.util.List;

/** {@code filter name}: filters what is written up to {@code endfilter}. */
public final class FilterStatement extends Statement {

    private final FilterExpression filter;
    private final Body body;
    private Entry entry = new Entry(List.of());
    private Mode mode = Mode.OFF;

    public FilterStatement(int line, FilterExpression filter, Body body) {
        super(line);
        this.filter = filter;
        this.body = body;
    }

    @Override
    void names(Names names) {
        body.names(names);
        filter.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        filter.names(symbols);
    }

    @Override
    void bind(BindFrame frame) {
        BindFrame inner = frame.inner(frame.inLoop());
        body.declare(inner.symbols());
        filter.names(inner.symbols());
        entry = inner.symbols().entry();
        body.bind(inner);
        filter.bind(inner);
        mode = frame.escaping().mode();
    }

    @Override
    Flow run(Scope scope) {
        Rendering rendering = scope.rendering();
        entry.enter(scope);
        Body.Captured written = body.capture(scope);
        if (written.flow() != Flow.NEXT) {
            return written.flow();
        }
        boolean markup = mode == Mode.ON || (mode == Mode.OPEN && rendering.autoescape());
        Object text = markup ? new Markup(written.text()) : written.text();
        writeText(rendering, filter.evaluate(scope, text));
        entry.leave(scope);
        return Flow.NEXT;
    }

    /** Writes what has to be text. */
    static void writeText(Rendering rendering, Object value) {
        if (!Text.is(value)) {
            throw TemplateException.type(
                    "sequence item 0: expected str instance, %s found"
                            .formatted(Types.name(value)));
        }
        rendering.write(Text.of(value));
    }
}
