// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.scope.Block;
import io.kvlink.djl.jinja.scope.Context;
import io.kvlink.djl.jinja.value.BlockTable;
import io.kvlink.djl.jinja.value.OfModule;
import org.jspecify.annotations.Nullable;

/** The variable {@code self}: its elements are the template's blocks. */
public record TemplateReference(Context context) implements BlockTable, OfModule {

    @Override
    public @Nullable Object block(String name) {
        Block block = context.block(name);
        return block == null ? null : new BlockReference(block, context);
    }

    @Override
    public String module() {
        return OfModule.RUNTIME;
    }
}
