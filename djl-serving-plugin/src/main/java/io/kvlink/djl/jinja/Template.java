// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import io.kvlink.djl.jinja.builtin.Globals;
import io.kvlink.djl.jinja.builtin.Inputs;
import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.parse.Parser;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Context;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.FunctionFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.statement.BlockStatement;
import io.kvlink.djl.jinja.statement.Body;
import io.kvlink.djl.jinja.statement.TemplateReference;
import io.kvlink.djl.jinja.value.Rendering;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A parsed template. Thread-safe: each rendering has a state of its own. */
public final class Template {

    private final Body body;
    private final Map<String, BlockStatement> blocks;
    private final Entry entry;
    private final FunctionFrame function;
    private final @Nullable Place self;

    private Template(Parser.Parsed parsed) {
        this.body = parsed.body();
        this.blocks = Map.copyOf(parsed.blocks());
        BindFrame root = BindFrame.root();
        boolean namesSelf = !Names.undeclared(body::names, "self").isEmpty();
        if (namesSelf) {
            root.symbols().parameter("self");
        }
        body.declare(root.symbols());
        this.self = namesSelf ? root.place("self", 1) : null;
        this.entry = root.symbols().entry();
        body.bind(root);
        this.function = root.function();
    }

    /**
     * Parses a template.
     *
     * @throws TemplateSyntaxException if it can't be rendered, whatever its variables
     */
    public static Template parse(String source) {
        if (source.length() > Limits.SOURCE_CHARS) {
            throw new TemplateSyntaxException(
                    "a template of more than %d characters".formatted(Limits.SOURCE_CHARS), 1);
        }
        try {
            return new Template(Parser.parse(source));
        } catch (TemplateException fault) {
            throw new TemplateSyntaxException(fault.reason(), 1);
        } catch (StackOverflowError deep) {
            throw new TemplateSyntaxException("nested too deeply", 1);
        }
    }

    /**
     * Renders the template.
     *
     * @param variables made of maps, lists, texts, numbers, booleans and nulls
     * @param now the time that {@code strftime_now} writes
     * @throws TemplateException if the template fails on the variables, or refuses them
     */
    public String render(Map<String, ? extends @Nullable Object> variables, ZonedDateTime now) {
        Inputs inputs = new Inputs();
        Map<String, Object> given = new HashMap<>(Globals.ALL);
        variables.forEach((name, value) -> given.put(name, inputs.value(value, 0)));
        Rendering rendering = new Rendering(now, inputs.chars());
        try {
            return render(rendering, new Context(given, blocks));
        } catch (TemplateException failure) {
            throw failure.at(rendering.line());
        } catch (StackOverflowError deep) {
            throw TemplateException.limit("calls nested too deeply").at(rendering.line());
        }
    }

    private String render(Rendering rendering, Context context) {
        Scope scope = new Scope(rendering, context, null, function);
        entry.enter(scope);
        if (self != null) {
            self.set(scope, new TemplateReference(context));
        }
        body.run(scope);
        return rendering.output();
    }
}
