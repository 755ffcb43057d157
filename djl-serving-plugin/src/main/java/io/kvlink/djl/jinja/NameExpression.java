// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** Variable that is read. */
final class NameExpression extends Expression {

    private final String name;
    private Place place = new Place(0, 0);

    NameExpression(int line, String name) {
        super(line);
        this.name = name;
    }

    String name() {
        return name;
    }

    @Override
    void names(Names names) {
        names.load(name);
    }

    @Override
    void bind(BindFrame frame) {
        place = frame.place(name, line());
    }

    @Override
    boolean isConstant() {
        return false;
    }

    @Override
    Object evaluate(Scope scope) {
        Object value = place.get(scope);
        return value == null ? Undefined.variable(name) : value;
    }
}
