// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.TemplateException;

/** A value that templates can call. */
public interface Callable {

    Object call(Rendering rendering, Arguments arguments);

    /** Text that Python shows for it. */
    default String repr() {
        throw TemplateException.unsupported(
                "a %s is shown, which Python does with its address".formatted(typeName()));
    }

    default String typeName() {
        return "function";
    }
}
