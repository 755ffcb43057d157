// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.operate.Attributes;
import io.kvlink.djl.jinja.value.Repr;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Names that a template gives to values, and names that it calls as methods. A method that no type
 * has and that the template doesn't make is a fault of the template whatever its variables are.
 */
final class MadeNames {

    private final Set<String> made = new HashSet<>();
    // With the line of the first call.
    private final Map<String, Integer> called = new LinkedHashMap<>();

    void add(String name) {
        made.add(name);
    }

    void called(String name, int line) {
        called.putIfAbsent(name, line);
    }

    void requireMethods() {
        called.forEach(
                (name, line) -> {
                    if (!made.contains(name) && !Attributes.isMethod(name)) {
                        throw new TemplateSyntaxException(
                                "no value has a method %s".formatted(Repr.quoted(name)), line);
                    }
                });
    }
}
