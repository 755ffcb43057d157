// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.OfModule;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Signature;
import io.kvlink.djl.jinja.value.WithAttributes;
import org.jspecify.annotations.Nullable;

/** Value of {@code joiner()}: nothing the first time, then a separator. */
final class Joiner implements Callable, WithAttributes, OfModule {

    private final Object separator;
    private boolean used;

    Joiner(Object separator) {
        this.separator = separator;
    }

    @Override
    public Object call(Rendering rendering, Arguments arguments) {
        Signature.of("joiner", "").bind(arguments);
        if (used) {
            return separator;
        }
        used = true;
        return "";
    }

    @Override
    public @Nullable Object attribute(String name) {
        return switch (name) {
            case "sep" -> separator;
            case "used" -> used;
            default -> null;
        };
    }

    @Override
    public String typeName() {
        return "Joiner";
    }

    @Override
    public String module() {
        return OfModule.UTILS;
    }
}
