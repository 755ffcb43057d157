// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.operate.Method;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.OfModule;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.WithAttributes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Result of {@code cycler()}: gives some values in turn. */
final class Cycler implements WithAttributes, OfModule {

    private static final Method NEXT =
            Method.of("next", "", (r, self, a) -> ((Cycler) self).next());

    private static final Method RESET =
            Method.of("reset", "", (r, self, a) -> ((Cycler) self).reset());

    private final List<Object> items;
    private int position;

    Cycler(List<Object> items) {
        this.items = List.copyOf(items);
    }

    private Object next() {
        Object next = items.get(position);
        position = (position + 1) % items.size();
        return next;
    }

    private Object reset() {
        position = 0;
        return None.NONE;
    }

    @Override
    public @Nullable Object attribute(String name) {
        return switch (name) {
            case "next" -> NEXT.on(this);
            case "reset" -> RESET.on(this);
            case "current" -> items.get(position);
            case "items" -> new PyTuple(items);
            case "pos" -> (long) position;
            default -> null;
        };
    }

    @Override
    public String module() {
        return OfModule.UTILS;
    }
}
