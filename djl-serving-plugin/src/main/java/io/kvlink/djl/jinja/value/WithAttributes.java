// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A value of Jinja2's own with attributes. */
public interface WithAttributes {

    /** Attributes of such values that can be called. */
    Set<String> NAMES = Set.of("cycle", "changed", "next", "reset", "super");

    /** Null if there is none of that name. */
    @Nullable Object attribute(String name);
}
