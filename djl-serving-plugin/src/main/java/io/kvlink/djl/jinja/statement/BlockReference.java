// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.scope.Block;
import io.kvlink.djl.jinja.scope.Context;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.OfModule;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Undefined;
import io.kvlink.djl.jinja.value.WithAttributes;
import org.jspecify.annotations.Nullable;

/** A block that is rendered once more when it is called. */
record BlockReference(Block block, Context context) implements Callable, WithAttributes, OfModule {

    @Override
    public Object call(Rendering rendering, Arguments arguments) {
        if (!arguments.positional().isEmpty() || !arguments.named().isEmpty()) {
            throw TemplateException.type("a block takes no arguments");
        }
        TextBuffer before = rendering.beginCapture();
        block.write(rendering, context);
        String text = rendering.endCapture(before);
        return rendering.autoescape() ? new Markup(text) : text;
    }

    @Override
    public @Nullable Object attribute(String name) {
        return switch (name) {
            case "name" -> block.name();
            case "super" ->
                    Undefined.because(
                            "there is no parent block called %s."
                                    .formatted(Repr.quoted(block.name())));
            default -> null;
        };
    }

    @Override
    public String typeName() {
        return "BlockReference";
    }

    @Override
    public String module() {
        return OfModule.RUNTIME;
    }
}
