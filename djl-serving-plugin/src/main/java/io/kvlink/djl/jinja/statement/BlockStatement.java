// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Block;
import io.kvlink.djl.jinja.scope.Context;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.FunctionFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code block name}: rendered where it stands, with its own variables. */
public final class BlockStatement extends Statement implements Block {

    private final String name;
    private final boolean scoped;
    private final boolean required;
    private final Body body;
    private final int depth;
    private @Nullable FunctionFrame function;
    private Entry entry = new Entry(List.of());
    private Map<String, Place> visible = Map.of();
    private @Nullable Place self;
    private @Nullable Place parent;

    public BlockStatement(
            int line, String name, boolean scoped, boolean required, Body body, int depth) {
        super(line);
        this.name = name;
        this.scoped = scoped;
        this.required = required;
        this.body = body;
        this.depth = depth;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    void names(Names names) {
        // What is in a block sees nothing of what is around it.
    }

    @Override
    void declare(Symbols symbols) {
        // What is in a block sees nothing of what is around it.
    }

    @Override
    void bind(BindFrame frame) {
        if (scoped) {
            visible = frame.symbols().visible(frame.function());
        }
        BindFrame own = frame.separateFunction();
        Set<String> special = Names.undeclared(body::names, "self", "super");
        if (special.contains("self")) {
            own.symbols().parameter("self");
            self = own.place("self", line());
        }
        if (special.contains("super")) {
            own.symbols().parameter("super");
            parent = own.place("super", line());
        }
        body.declare(own.symbols());
        entry = own.symbols().entry();
        body.bind(own);
        function = own.function();
    }

    @Override
    Flow run(Scope scope) {
        if (required) {
            throw TemplateException.runtime(
                    "Required block %s not found".formatted(Repr.quoted(name)));
        }
        Context context = scope.context();
        if (scoped) {
            Map<String, Object> seen = new HashMap<>();
            visible.forEach(
                    (variable, place) -> {
                        Object value = place.get(scope);
                        if (value != null) {
                            seen.put(variable, value);
                        }
                    });
            context = context.derived(seen);
        }
        write(scope.rendering(), context);
        return Flow.NEXT;
    }

    /** Writes the block. */
    @Override
    public void write(Rendering rendering, Context context) {
        if (function == null) {
            throw new IllegalStateException("a block that wasn't bound");
        }
        Scope scope = new Scope(rendering, context, null, function);
        rendering.enter(depth);
        entry.enter(scope);
        if (self != null) {
            self.set(scope, new TemplateReference(context));
        }
        if (parent != null) {
            parent.set(
                    scope,
                    Undefined.because(
                            "there is no parent block called %s.".formatted(Repr.quoted(name))));
        }
        body.run(scope);
        rendering.leave(depth);
    }
}
