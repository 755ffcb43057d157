// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.CallExpression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Arguments;
import org.jspecify.annotations.Nullable;

/** {@code call(parameters) macro(arguments)}, or transformers' {@code generation}. */
public final class CallStatement extends Statement {

    // Null for generation, which writes its body.
    private final @Nullable CallExpression call;
    private final MacroDefinition caller;

    public CallStatement(int line, @Nullable CallExpression call, MacroDefinition caller) {
        super(line);
        this.call = call;
        this.caller = caller;
    }

    @Override
    void names(Names names) {
        if (call != null) {
            call.names(names);
        }
        caller.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        if (call != null) {
            call.names(symbols);
        }
    }

    @Override
    void bind(BindFrame frame) {
        caller.bind(frame);
        if (call != null) {
            call.bind(frame);
        }
    }

    @Override
    Flow run(Scope scope) {
        Macro body = new Macro(caller, scope);
        Object text =
                call == null
                        ? body.call(scope.rendering(), Arguments.NONE)
                        : call.evaluate(scope, body);
        FilterStatement.writeText(scope.rendering(), text);
        return Flow.NEXT;
    }
}
