// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import org.jspecify.annotations.Nullable;

/**
 * Place of a variable, seen from a function.
 *
 * @param hops how many functions further out
 * @param index its place there
 */
public record Place(int hops, int index) {

    /** The value; null if there is none yet. */
    public @Nullable Object get(Scope scope) {
        return holder(scope).slot(index);
    }

    public void set(Scope scope, @Nullable Object value) {
        holder(scope).slot(index, value);
    }

    private Scope holder(Scope scope) {
        Scope holder = scope;
        for (int i = 0; i < hops; i++) {
            holder = holder.outer();
        }
        return holder;
    }
}
