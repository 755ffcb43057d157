// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Entry;
import io.kvlink.djl.jinja.scope.FunctionFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.scope.Symbols;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.PyIterator;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Truth;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code for target in iterable if test}, with {@code else}, and {@code recursive}. */
public final class ForStatement extends Statement {

    /**
     * Parts of a loop.
     *
     * @param testTarget the target once more, which the test's elements go to
     * @param scopedBlock whether a block in it sees its variables
     * @param depth how deeply a turn nests statements and expressions
     */
    public record Parts(
            Target target,
            Target testTarget,
            Expression iterable,
            @Nullable Expression test,
            boolean recursive,
            Body body,
            Body otherwise,
            boolean scopedBlock,
            int depth) {}

    private final Parts parts;
    private @Nullable Place loop;
    private Entry entry = new Entry(List.of());
    private Entry testEntry = new Entry(List.of());
    private Entry otherwiseEntry = new Entry(List.of());
    private @Nullable FunctionFrame function;

    public ForStatement(int line, Parts parts) {
        super(line);
        this.parts = parts;
    }

    @Override
    void names(Names names) {
        parts.target.names(names, false);
        parts.iterable.names(names);
        parts.body.names(names);
        parts.otherwise.names(names);
        if (parts.test != null) {
            parts.test.names(names);
        }
    }

    @Override
    void declare(Symbols symbols) {
        parts.iterable.names(symbols);
    }

    @Override
    void bind(BindFrame frame) {
        parts.iterable.bind(frame);
        // A recursive loop is a function, whose test and else branch are in it.
        BindFrame around = parts.recursive ? frame.innerFunction(false) : frame;
        BindFrame turn = parts.recursive ? sibling(frame, around, true) : frame.inner(true);
        boolean extended =
                parts.recursive
                        || parts.scopedBlock
                        || !Names.undeclared(parts.body::names, "loop").isEmpty();
        if (extended) {
            turn.symbols().parameter("loop");
            loop = turn.place("loop", line());
        }
        parts.target.names(turn.symbols(), true);
        parts.body.declare(turn.symbols());
        entry = turn.symbols().entry();
        parts.target.bind(turn);
        bindTest(parts.recursive ? sibling(frame, around, false) : frame.inner(false));
        parts.body.bind(turn);
        BindFrame other =
                parts.recursive ? sibling(frame, around, false) : frame.inner(frame.inLoop());
        parts.otherwise.declare(other.symbols());
        otherwiseEntry = other.symbols().entry();
        parts.otherwise.bind(other);
        function = parts.recursive ? around.function() : null;
    }

    private static BindFrame sibling(BindFrame outer, BindFrame function, boolean loop) {
        return new BindFrame(
                new Symbols(outer.symbols(), function.function()),
                function.function(),
                false,
                loop,
                outer.escaping());
    }

    private void bindTest(BindFrame frame) {
        if (parts.test == null) {
            return;
        }
        parts.testTarget.names(frame.symbols(), true);
        parts.test.names(frame.symbols());
        testEntry = frame.symbols().entry();
        parts.testTarget.bind(frame);
        parts.test.bind(frame);
    }

    @Override
    Flow run(Scope scope) {
        Object iterable = parts.iterable.evaluate(scope);
        if (function == null) {
            return turns(scope, iterable, null, 0);
        }
        scope.rendering().write(Text.of(recurse(scope, iterable, 0)));
        return Flow.NEXT;
    }

    /** Runs a recursive loop over other elements, and gives what it writes. */
    Object recurse(Scope outer, Object iterable, int depth) {
        if (function == null) {
            throw new IllegalStateException("a loop that isn't recursive");
        }
        Rendering rendering = outer.rendering();
        rendering.enter(parts.depth);
        TextBuffer before = rendering.beginCapture();
        turns(outer.inner(function), iterable, outer, depth);
        rendering.leave(parts.depth);
        String text = rendering.endCapture(before);
        return rendering.autoescape() ? new Markup(text) : text;
    }

    private Flow turns(Scope scope, Object iterable, @Nullable Scope outer, int depth) {
        LoopContext context =
                new LoopContext(scope.rendering(), elements(scope, iterable), iterable, depth);
        if (parts.test != null) {
            context.unsized();
        }
        if (outer != null) {
            context.recursion(this, outer);
        }
        boolean completed = false;
        while (context.hasNext()) {
            Object element = context.next();
            scope.rendering().atLine(line());
            entry.enter(scope);
            parts.target.assign(scope, element);
            if (loop != null) {
                loop.set(scope, context);
            }
            Flow flow = parts.body.run(scope);
            if (flow == Flow.BREAK) {
                break;
            }
            // Jinja2's else is taken unless some turn ran to its end.
            completed |= flow == Flow.NEXT;
        }
        entry.leave(scope);
        if (completed) {
            return Flow.NEXT;
        }
        otherwiseEntry.enter(scope);
        return parts.otherwise.run(scope);
    }

    private Iterator<Object> elements(Scope scope, Object iterable) {
        Iterator<Object> all = Iteration.of(iterable);
        Expression test = parts.test;
        if (test == null) {
            return all;
        }
        testEntry.enter(scope);
        return PyIterator.passing(
                all,
                element -> {
                    scope.rendering().step();
                    parts.testTarget.assign(scope, element);
                    return Truth.of(test.evaluate(scope));
                });
    }
}
