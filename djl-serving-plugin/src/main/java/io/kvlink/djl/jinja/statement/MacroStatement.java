// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;

/** {@code macro name(parameters)}. */
public final class MacroStatement extends Statement {

    private final MacroDefinition definition;
    private Place place = new Place(0, 0);
    private boolean topLevel;

    public MacroStatement(int line, MacroDefinition definition) {
        super(line);
        this.definition = definition;
    }

    @Override
    void names(Names names) {
        definition.names(names);
    }

    @Override
    void declare(Symbols symbols) {
        symbols.store(definition.name());
    }

    @Override
    void bind(BindFrame frame) {
        definition.bind(frame);
        place = frame.place(definition.name(), line());
        topLevel = frame.topLevel();
    }

    @Override
    Flow run(Scope scope) {
        Macro macro = new Macro(definition, scope);
        place.set(scope, macro);
        if (topLevel) {
            scope.context().set(definition.name(), macro);
        }
        return Flow.NEXT;
    }
}
