// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Visitor of the variables' names in a part of a template, in the order of its grammar. */
public interface Names {

    void load(String name);

    void store(String name);

    /** A name that a loop, a macro or a {@code with} defines. */
    void parameter(String name);

    /** Names, of the wanted ones, that are read there before they are set. */
    static Set<String> undeclared(Consumer<Names> part, String... wanted) {
        Set<String> open = new HashSet<>(List.of(wanted));
        Set<String> found = new HashSet<>();
        part.accept(
                new Names() {
                    @Override
                    public void load(String name) {
                        if (open.contains(name)) {
                            found.add(name);
                        }
                    }

                    @Override
                    public void store(String name) {
                        open.remove(name);
                    }

                    @Override
                    public void parameter(String name) {
                        open.remove(name);
                    }
                });
        return found;
    }
}
