// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import org.jspecify.annotations.Nullable;

/** Value of {@code namespace()}: the only one whose attributes templates may set. */
public final class Namespace implements OfModule {

    private final PyDict attributes;

    public Namespace(PyDict attributes) {
        this.attributes = attributes;
    }

    public @Nullable Object get(String name) {
        return attributes.get(name);
    }

    public void set(String name, Object value) {
        attributes.put(name, value);
    }

    PyDict attributes() {
        return attributes;
    }

    @Override
    public String module() {
        return OfModule.UTILS;
    }
}
