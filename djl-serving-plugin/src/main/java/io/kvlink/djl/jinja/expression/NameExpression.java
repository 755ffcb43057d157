// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Undefined;

/** Variable that is read. */
public final class NameExpression extends Expression {

    private final String name;
    private Place place = new Place(0, 0);

    public NameExpression(int line, String name) {
        super(line);
        this.name = name;
    }

    public String name() {
        return name;
    }

    @Override
    public void names(Names names) {
        names.load(name);
    }

    @Override
    public void bind(BindFrame frame) {
        place = frame.place(name, line());
    }

    @Override
    public boolean isConstant() {
        return false;
    }

    @Override
    public Object evaluate(Scope scope) {
        Object value = place.get(scope);
        return value == null ? Undefined.variable(name) : value;
    }
}
