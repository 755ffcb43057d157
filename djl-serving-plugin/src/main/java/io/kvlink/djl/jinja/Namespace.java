// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import org.jspecify.annotations.Nullable;

/** Value of {@code namespace()}: the only one whose attributes templates may set. */
final class Namespace {

    private final PyDict attributes;

    Namespace(PyDict attributes) {
        this.attributes = attributes;
    }

    @Nullable Object get(String name) {
        return attributes.get(name);
    }

    void set(String name, Object value) {
        attributes.put(name, value);
    }

    PyDict attributes() {
        return attributes;
    }
}
