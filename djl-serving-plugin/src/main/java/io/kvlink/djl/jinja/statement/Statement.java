// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;

/** Statement of a template. Bound once, before the template is used; runs itself. */
public abstract sealed class Statement
        permits AutoescapeStatement,
                BlockStatement,
                CallStatement,
                FilterStatement,
                ForStatement,
                IfStatement,
                JumpStatement,
                MacroStatement,
                OutputStatement,
                SetBlockStatement,
                SetStatement,
                WithStatement {

    /** Continuation after a statement: the next one, or a jump within the innermost loop. */
    public enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    private final int line;

    Statement(int line) {
        this.line = line;
    }

    int line() {
        return line;
    }

    /** Tells all names in it, those of nested statements included. */
    abstract void names(Names names);

    /** Tells the names that it uses in the block of statements that it stands in. */
    abstract void declare(Symbols symbols);

    /** Finds the variables that names mean. The block's symbols are complete. */
    abstract void bind(BindFrame frame);

    abstract Flow run(Scope scope);
}
