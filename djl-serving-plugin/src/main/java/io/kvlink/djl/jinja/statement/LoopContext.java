// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Comparison;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.LoopValue;
import io.kvlink.djl.jinja.value.OfModule;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Signature;
import io.kvlink.djl.jinja.value.Undefined;
import io.kvlink.djl.jinja.value.WithAttributes;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** The variable {@code loop}. Looks ahead only as far as the template asks. */
final class LoopContext implements LoopValue, Callable, WithAttributes, OfModule {

    private final Rendering rendering;
    private final Object iterable;
    private final int depth0;
    private Iterator<Object> elements;
    private boolean sized;
    private long length = -1;
    private long index0 = -1;
    private @Nullable Object before;
    private @Nullable Object current;
    private @Nullable Object after;
    private @Nullable Object lastChanged;
    private @Nullable ForStatement recursive;
    private @Nullable Scope outer;

    LoopContext(Rendering rendering, Iterator<Object> elements, Object iterable, int depth0) {
        this.rendering = rendering;
        this.elements = elements;
        this.iterable = iterable;
        this.depth0 = depth0;
        this.sized = Iteration.hasLength(iterable);
    }

    /** Says that the elements are fewer than those of what is iterated. */
    void unsized() {
        sized = false;
    }

    void recursion(ForStatement statement, Scope around) {
        recursive = statement;
        outer = around;
    }

    @Override
    public boolean hasNext() {
        return after != null || elements.hasNext();
    }

    @Override
    public Object next() {
        Object next = after != null ? after : elements.next();
        after = null;
        index0++;
        before = current;
        current = next;
        return next;
    }

    @Override
    public long length() {
        if (length < 0) {
            length = sized ? Iteration.length(rendering, iterable) : counted();
        }
        return length;
    }

    private long counted() {
        List<Object> rest = new ArrayList<>();
        while (elements.hasNext()) {
            rendering.step();
            rest.add(elements.next());
        }
        elements = rest.iterator();
        return rest.size() + index0 + 1 + (after != null ? 1 : 0);
    }

    private @Nullable Object peek() {
        if (after == null && elements.hasNext()) {
            try {
                after = elements.next();
            } catch (NoSuchElementException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
        return after;
    }

    @Override
    public @Nullable Object attribute(String name) {
        return switch (name) {
            case "index" -> index0 + 1;
            case "index0" -> index0;
            case "revindex" -> length() - index0;
            case "revindex0" -> length() - index0 - 1;
            case "first" -> index0 == 0;
            case "last" -> peek() == null;
            case "length" -> length();
            case "depth" -> depth0 + 1L;
            case "depth0" -> (long) depth0;
            case "previtem" -> orUndefined(index0 == 0 ? null : before, "previous");
            case "nextitem" -> orUndefined(peek(), "next");
            case "cycle" -> function(this::cycle);
            case "changed" -> function(this::changed);
            default -> null;
        };
    }

    private static Object orUndefined(@Nullable Object item, String which) {
        return item != null ? item : Undefined.because("there is no " + which + " item");
    }

    private interface Body {
        Object call(List<Object> values);
    }

    private static Callable function(Body body) {
        return new Callable() {
            @Override
            public Object call(Rendering rendering, Arguments arguments) {
                if (!arguments.named().isEmpty()) {
                    throw TemplateException.type("got an unexpected keyword argument");
                }
                return body.call(arguments.positional());
            }

            @Override
            public String typeName() {
                return "method";
            }
        };
    }

    private Object cycle(List<Object> values) {
        if (values.isEmpty()) {
            throw TemplateException.type("no items for cycling given");
        }
        return values.get((int) (index0 % values.size()));
    }

    private Object changed(List<Object> values) {
        PyTuple now = new PyTuple(values);
        boolean changed = lastChanged == null || !Comparison.equal(rendering, lastChanged, now);
        lastChanged = now;
        return changed;
    }

    @Override
    public Object call(Rendering ignored, Arguments arguments) {
        if (recursive == null || outer == null) {
            throw TemplateException.type(
                    "The loop must have the 'recursive' marker to be called recursively.");
        }
        Object inner = Signature.of("loop", "iterable").bind(arguments)[0];
        return recursive.recurse(outer, inner, depth0 + 1);
    }

    @Override
    public String repr() {
        return "<LoopContext %d/%d>".formatted(index0 + 1, length());
    }

    @Override
    public String typeName() {
        return "LoopContext";
    }

    @Override
    public String module() {
        return OfModule.RUNTIME;
    }
}
