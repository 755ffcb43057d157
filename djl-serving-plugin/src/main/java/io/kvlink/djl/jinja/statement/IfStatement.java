// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Truth;
import java.util.List;

/** {@code if}, {@code elif}, {@code else}. Not a scope of its own. */
public final class IfStatement extends Statement {

    /** A condition with what it guards. */
    public record Branch(Expression test, Body body) {}

    private final List<Branch> branches;
    private final Body otherwise;

    public IfStatement(int line, List<Branch> branches, Body otherwise) {
        super(line);
        this.branches = List.copyOf(branches);
        this.otherwise = otherwise;
    }

    @Override
    void names(Names names) {
        for (Branch branch : branches) {
            branch.test().names(names);
            branch.body().names(names);
        }
        otherwise.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        branches.get(0).test().names(symbols);
        // To the analysis the further branches are one, of nested conditions.
        Body others =
                new Body(
                        branches.subList(1, branches.size()).stream()
                                .<Statement>map(
                                        branch ->
                                                new IfStatement(
                                                        line(), List.of(branch), Body.EMPTY))
                                .toList());
        symbols.branches(List.of(branches.get(0).body(), others, otherwise));
    }

    @Override
    void bind(BindFrame frame) {
        for (Branch branch : branches) {
            branch.test().bind(frame);
            branch.body().bind(frame);
        }
        otherwise.bind(frame);
    }

    @Override
    Flow run(Scope scope) {
        for (Branch branch : branches) {
            scope.rendering().atLine(branch.test().line());
            if (Truth.of(branch.test().evaluate(scope))) {
                return branch.body().run(scope);
            }
        }
        return otherwise.run(scope);
    }
}
