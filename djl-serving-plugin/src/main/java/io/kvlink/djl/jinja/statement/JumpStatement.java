// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;

/** {@code break} and {@code continue}. */
public final class JumpStatement extends Statement {

    private final Flow flow;

    public JumpStatement(int line, Flow flow) {
        super(line);
        this.flow = flow;
    }

    @Override
    void names(Names names) {
        // Names nothing.
    }

    @Override
    void declare(Symbols symbols) {
        // Names nothing.
    }

    @Override
    void bind(BindFrame frame) {
        if (!frame.inLoop()) {
            throw new TemplateSyntaxException(
                    "'%s' outside loop".formatted(flow == Flow.BREAK ? "break" : "continue"),
                    line());
        }
    }

    @Override
    Flow run(Scope scope) {
        return flow;
    }
}
