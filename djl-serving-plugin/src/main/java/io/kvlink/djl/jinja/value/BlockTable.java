// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import org.jspecify.annotations.Nullable;

/** A value whose elements are the template's blocks. */
public interface BlockTable {

    /** A block as a value, or {@code null} if there is none of that name. */
    @Nullable Object block(String name);
}
