// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.ConstantExpression;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.BindFrame.Escaping.Mode;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Truth;
import java.util.List;

/** {@code autoescape condition}: a scope in which what is printed is escaped, or isn't. */
public final class AutoescapeStatement extends Statement {

    private final Expression condition;
    private final Body body;
    private Entry entry = new Entry(List.of());

    public AutoescapeStatement(int line, Expression condition, Body body) {
        super(line);
        this.condition = condition;
        this.body = body;
    }

    @Override
    void names(Names names) {
        condition.names(names);
        body.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        // A scope of its own, condition included.
    }

    @Override
    void bind(BindFrame frame) {
        BindFrame inner = frame.inner(frame.inLoop());
        condition.names(inner.symbols());
        body.declare(inner.symbols());
        entry = inner.symbols().entry();
        condition.bind(inner);
        Mode before = frame.escaping().mode();
        if (condition instanceof ConstantExpression constant) {
            boolean on = Truth.of(constant.value());
            frame.escaping().mode(before == Mode.OPEN ? before : on ? Mode.ON : Mode.OFF);
        } else {
            frame.escaping().mode(Mode.OPEN);
        }
        body.bind(inner);
        frame.escaping().mode(before);
    }

    @Override
    Flow run(Scope scope) {
        Rendering rendering = scope.rendering();
        entry.enter(scope);
        boolean before = rendering.autoescape();
        rendering.autoescape(Truth.of(condition.evaluate(scope)));
        Flow flow = body.run(scope);
        rendering.autoescape(before);
        entry.leave(scope);
        return flow;
    }
}
