// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.FilterExpression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Repr;
import org.jspecify.annotations.Nullable;

/** {@code set target}, what is written up to {@code endset}, filtered if asked. */
public final class SetBlockStatement extends Statement {

    private final Target target;
    private final @Nullable FilterExpression filter;
    private final Body body;
    private Entry entry = new Entry(java.util.List.of());
    private boolean topLevel;

    public SetBlockStatement(
            int line, Target target, @Nullable FilterExpression filter, Body body) {
        super(line);
        this.target = target;
        this.filter = filter;
        this.body = body;
    }

    @Override
    void names(Names names) {
        target.names(names, false);
        if (filter != null) {
            filter.names(names);
        }
        body.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        target.namespaces(symbols);
        target.names(symbols, false);
    }

    @Override
    void bind(BindFrame frame) {
        BindFrame inner = frame.inner(frame.inLoop());
        body.declare(inner.symbols());
        entry = inner.symbols().entry();
        body.bind(inner);
        target.bind(frame);
        if (filter != null) {
            filter.bind(inner);
        }
        topLevel = frame.topLevel();
    }

    @Override
    Flow run(Scope scope) {
        entry.enter(scope);
        Body.Captured written = body.capture(scope);
        if (written.flow() != Flow.NEXT) {
            return written.flow();
        }
        Object value = filter == null ? written.text() : filter.evaluate(scope, written.text());
        target.requireNamespaces(scope);
        boolean markup = scope.rendering().autoescape();
        target.assign(scope, markup ? new Markup(Repr.str(scope.rendering(), value)) : value);
        if (topLevel) {
            SetStatement.export(target, scope);
        }
        entry.leave(scope);
        return Flow.NEXT;
    }
}
