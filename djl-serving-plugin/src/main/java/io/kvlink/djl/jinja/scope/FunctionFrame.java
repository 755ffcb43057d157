// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import org.jspecify.annotations.Nullable;

/**
 * Layout of the variables of the template's root, of a block, of a macro or of a recursive loop:
 * what has activations of its own.
 */
public final class FunctionFrame {

    private final @Nullable FunctionFrame outer;
    private int size;

    FunctionFrame(@Nullable FunctionFrame outer) {
        this.outer = outer;
    }

    Symbols.Slot newSlot() {
        return new Symbols.Slot(this, size++);
    }

    int size() {
        return size;
    }

    /** Place of a variable, seen from here. */
    Place placeOf(Symbols.Slot slot) {
        int hops = 0;
        for (FunctionFrame frame = this; frame != null; frame = frame.outer) {
            if (frame == slot.function()) {
                return new Place(hops, slot.index());
            }
            hops++;
        }
        throw new IllegalStateException("a variable of a function that isn't around this one");
    }
}
