// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** Left side of {@code set ns.name = …}. Never evaluated; becomes a target. */
final class NamespaceReference extends Expression {

    private final String name;
    private final String attribute;

    NamespaceReference(int line, String name, String attribute) {
        super(line);
        this.name = name;
        this.attribute = attribute;
    }

    String name() {
        return name;
    }

    String attribute() {
        return attribute;
    }

    @Override
    Object evaluate(Scope scope) {
        throw new IllegalStateException("the left side of an assignment has no value");
    }
}
