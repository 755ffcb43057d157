// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gives the variables of a block of statements their first values. */
public record Entry(List<Step> steps) {

    /** Source of one variable's value. */
    record Step(Symbols.Load load, String name, int index, @Nullable Place outside) {}

    public void enter(Scope scope) {
        for (Step step : steps) {
            Object value =
                    switch (step.load()) {
                        case RESOLVE -> scope.context().find(step.name());
                        case ALIAS -> step.outside() == null ? null : step.outside().get(scope);
                        case PARAMETER, UNDEFINED -> null;
                    };
            scope.slot(step.index(), value);
        }
    }

    public void leave(Scope scope) {
        for (Step step : steps) {
            scope.slot(step.index(), null);
        }
    }
}
