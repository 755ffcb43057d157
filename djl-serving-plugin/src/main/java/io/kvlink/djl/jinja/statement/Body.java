// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Branch;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.TextBuffer;
import java.util.List;

/** Statements one behind the other. */
public record Body(List<Statement> statements) implements Branch {

    public static final Body EMPTY = new Body(List.of());

    public void names(Names names) {
        statements.forEach(statement -> statement.names(names));
    }

    @Override
    public void declare(Symbols symbols) {
        statements.forEach(statement -> statement.declare(symbols));
    }

    public void bind(BindFrame frame) {
        statements.forEach(statement -> statement.bind(frame));
    }

    public Statement.Flow run(Scope scope) {
        for (Statement statement : statements) {
            scope.rendering().atLine(statement.line());
            Statement.Flow flow = statement.run(scope);
            if (flow != Statement.Flow.NEXT) {
                return flow;
            }
        }
        return Statement.Flow.NEXT;
    }

    /** Runs them, and gives what they write instead of writing it. Jumps end them. */
    String text(Scope scope) {
        return capture(scope).text();
    }

    /** Written text, and the jump with which it ended. */
    record Captured(String text, Statement.Flow flow) {}

    Captured capture(Scope scope) {
        Rendering rendering = scope.rendering();
        TextBuffer before = rendering.beginCapture();
        Statement.Flow flow = run(scope);
        return new Captured(rendering.endCapture(before), flow);
    }
}
