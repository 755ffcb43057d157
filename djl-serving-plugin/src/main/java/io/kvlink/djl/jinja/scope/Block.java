// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import io.kvlink.djl.jinja.value.Rendering;

/** A named part of a template that is rendered wherever it stands, and when it is called. */
public interface Block {

    /** Name of the block. */
    String name();

    /** Renders the block, with the variables of a context. */
    void write(Rendering rendering, Context context);
}
