// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import io.kvlink.djl.jinja.BindFrame.Escaping.Mode;
import java.util.List;

/** {@code autoescape condition}: a scope in which what is printed is escaped, or isn't. */
final class AutoescapeStatement extends Statement {

    private final Expression condition;
    private final Body body;
    private Entry entry = new Entry(List.of());

    AutoescapeStatement(int line, Expression condition, Body body) {
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
