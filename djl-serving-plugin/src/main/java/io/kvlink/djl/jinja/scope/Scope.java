// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import io.kvlink.djl.jinja.value.Rendering;
import org.jspecify.annotations.Nullable;

/** Activation of the root, a block, a macro or a recursive loop: its variables. */
public final class Scope {

    private final Rendering rendering;
    private final Context context;
    private final @Nullable Scope outer;
    private final @Nullable Object[] slots;

    public Scope(
            Rendering rendering, Context context, @Nullable Scope outer, FunctionFrame function) {
        this.rendering = rendering;
        this.context = context;
        this.outer = outer;
        this.slots = new Object[function.size()];
    }

    /** An activation within this one. */
    public Scope inner(FunctionFrame function) {
        return new Scope(rendering, context, this, function);
    }

    public Rendering rendering() {
        return rendering;
    }

    public Context context() {
        return context;
    }

    Scope outer() {
        if (outer == null) {
            throw new IllegalStateException("no outer function");
        }
        return outer;
    }

    @Nullable Object slot(int index) {
        return slots[index];
    }

    void slot(int index, @Nullable Object value) {
        slots[index] = value;
    }
}
