// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.scope.Scope;

/** Left side of {@code set ns.name = …}. Never evaluated; becomes a target. */
public final class NamespaceReference extends Expression {

    private final String name;
    private final String attribute;

    public NamespaceReference(int line, String name, String attribute) {
        super(line);
        this.name = name;
        this.attribute = attribute;
    }

    public String name() {
        return name;
    }

    public String attribute() {
        return attribute;
    }

    @Override
    public Object evaluate(Scope scope) {
        throw new IllegalStateException("the left side of an assignment has no value");
    }
}
