// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import java.util.List;

/** {@code with a = 1, b = 2}: a scope with variables of its own. */
public final class WithStatement extends Statement {

    private final List<Target> targets;
    private final List<Expression> values;
    private final Body body;
    private Entry entry = new Entry(List.of());

    public WithStatement(int line, List<Target> targets, List<Expression> values, Body body) {
        super(line);
        this.targets = List.copyOf(targets);
        this.values = List.copyOf(values);
        this.body = body;
    }

    @Override
    void names(Names names) {
        targets.forEach(target -> target.names(names, true));
        values.forEach(value -> value.names(names));
        body.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        values.forEach(value -> value.names(symbols));
    }

    @Override
    void bind(BindFrame frame) {
        BindFrame inner = frame.inner(frame.inLoop());
        targets.forEach(target -> target.names(inner.symbols(), true));
        body.declare(inner.symbols());
        entry = inner.symbols().entry();
        targets.forEach(target -> target.bind(inner));
        values.forEach(value -> value.bind(frame));
        body.bind(inner);
    }

    @Override
    Flow run(Scope scope) {
        entry.enter(scope);
        for (int i = 0; i < targets.size(); i++) {
            targets.get(i).assign(scope, values.get(i).evaluate(scope));
        }
        Flow flow = body.run(scope);
        entry.leave(scope);
        return flow;
    }
}
