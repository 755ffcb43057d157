// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Signature;

/** A filter, or a test, which gives a truth. */
public interface Filter {

    Object apply(Rendering rendering, Object value, Arguments arguments);

    /** Work of a filter once its arguments have their places. */
    interface Body {

        /** Called with the arguments by place; null where one was left out. */
        Object apply(Rendering rendering, Object value, Object[] given);
    }

    static Filter of(String name, String parameters, Body body) {
        Signature signature = Signature.of(name, parameters);
        return (rendering, value, arguments) ->
                body.apply(rendering, value, signature.bind(arguments));
    }
}
