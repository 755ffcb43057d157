// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;

/** {@code set target = value}. */
public final class SetStatement extends Statement {

    private final Target target;
    private final Expression value;
    private boolean topLevel;

    public SetStatement(int line, Target target, Expression value) {
        super(line);
        this.target = target;
        this.value = value;
    }

    @Override
    void names(Names names) {
        target.names(names, false);
        value.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        value.names(symbols);
        target.namespaces(symbols);
        target.names(symbols, false);
    }

    @Override
    void bind(BindFrame frame) {
        value.bind(frame);
        target.bind(frame);
        topLevel = frame.topLevel();
    }

    @Override
    Flow run(Scope scope) {
        target.requireNamespaces(scope);
        target.assign(scope, value.evaluate(scope));
        if (topLevel) {
            export(target, scope);
        }
        return Flow.NEXT;
    }

    /** Lets blocks and macros see what was set. */
    static void export(Target target, Scope scope) {
        target.each(
                (name, place) -> {
                    Object value = place.get(scope);
                    if (value != null) {
                        scope.context().set(name, value);
                    }
                });
    }
}
