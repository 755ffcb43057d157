// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import org.jspecify.annotations.Nullable;

/** The variable {@code self}: its elements are the template's blocks. */
record TemplateReference(Context context) {

    @Nullable Object block(String name) {
        BlockStatement block = context.block(name);
        return block == null ? null : new BlockReference(block, context);
    }
}
