// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateException.Kind;
import io.kvlink.djl.jinja.operate.ContainerMethods;
import io.kvlink.djl.jinja.operate.Method;
import io.kvlink.djl.jinja.operate.Strftime;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Namespace;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Signature;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import io.kvlink.djl.jinja.value.WithAttributes;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Functions that every template sees: Jinja2's own, and those of transformers. */
public final class Globals {

    public static final Map<String, Object> ALL =
            Map.of(
                    "range", new Function("range", null, Globals::range),
                    "dict", new Function("dict", "<class 'dict'>", Globals::dict),
                    "lipsum", new Function("lipsum", null, Globals::lipsum),
                    "cycler", new Function("cycler", cls("Cycler"), Globals::cycler),
                    "joiner", new Function("joiner", cls("Joiner"), Globals::joiner),
                    "namespace", new Function("namespace", cls("Namespace"), Globals::namespace),
                    "raise_exception", new Function("raise_exception", null, Globals::raise),
                    "strftime_now", new Function("strftime_now", null, Globals::now));

    private static final Signature JOINER = Signature.of("joiner", "sep?");
    private static final Signature RAISE = Signature.of("raise_exception", "message");
    private static final Signature NOW = Signature.of("strftime_now", "format");

    private Globals() {}

    private record Function(String name, @Nullable String shown, Callable body)
            implements Callable, WithAttributes {

        private static final Method FROM_KEYS =
                Method.of("fromkeys", "iterable value? /", ContainerMethods::fromKeys);

        @Override
        public @Nullable Object attribute(String attribute) {
            return name.equals("dict") && attribute.equals("fromkeys") ? FROM_KEYS.on(this) : null;
        }

        @Override
        public Object call(Rendering rendering, Arguments arguments) {
            return body.call(rendering, arguments);
        }

        @Override
        public String repr() {
            return shown == null ? Callable.super.repr() : shown;
        }

        @Override
        public String typeName() {
            return shown == null ? "function" : "type";
        }
    }

    private static String cls(String name) {
        return "<class 'jinja2.utils.%s'>".formatted(name);
    }

    private static Object range(Rendering rendering, Arguments arguments) {
        List<Object> given = arguments.positional();
        if (given.isEmpty() || given.size() > 3 || !arguments.named().isEmpty()) {
            throw TemplateException.type("range expected 1 to 3 integer arguments");
        }
        for (Object value : given) {
            if (value instanceof Undefined undefined) {
                throw TemplateException.type(
                        "'%s' object cannot be interpreted as an integer"
                                .formatted(Types.name(undefined)));
            }
        }
        long start = given.size() == 1 ? 0 : bound(given.get(0));
        long stop = bound(given.get(given.size() == 1 ? 0 : 1));
        long step = given.size() == 3 ? bound(given.get(2)) : 1;
        if (step == 0) {
            throw TemplateException.value("range() arg 3 must not be zero");
        }
        double length = Math.ceil(((double) stop - start) / step);
        if (length > Limits.RANGE) {
            throw TemplateException.overflow(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d)."
                            .formatted(Limits.RANGE));
        }
        return new PyRange(start, stop, step);
    }

    /** Far enough from the ends that sums stay within 64 bits. */
    private static long bound(Object value) {
        long index = Numbers.index(value);
        return Math.max(Long.MIN_VALUE / 4, Math.min(Long.MAX_VALUE / 4, index));
    }

    private static PyDict dict(Rendering rendering, Arguments arguments) {
        PyDict dict = new PyDict();
        if (arguments.positional().size() > 1) {
            throw TemplateException.type(
                    "dict expected at most 1 argument, got " + arguments.positional().size());
        }
        if (!arguments.positional().isEmpty()) {
            fill(rendering, dict, arguments.positional().get(0));
        }
        arguments.named().forEach(dict::put);
        return dict;
    }

    private static void fill(Rendering rendering, PyDict dict, Object from) {
        if (from instanceof PyDict other) {
            dict.putAll(other);
            return;
        }
        for (Iterator<Object> pairs = Iteration.of(from); pairs.hasNext(); ) {
            List<Object> pair = Iteration.list(rendering, pairs.next());
            if (pair.size() != 2) {
                throw TemplateException.value(
                        "dictionary update sequence element has length %d; 2 is required"
                                .formatted(pair.size()));
            }
            dict.put(pair.get(0), pair.get(1));
        }
    }

    private static Object lipsum(Rendering rendering, Arguments arguments) {
        throw TemplateException.unsupported("lipsum gives something else each time");
    }

    private static Object cycler(Rendering rendering, Arguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw TemplateException.runtime("at least one item has to be provided");
        }
        return new Cycler(arguments.positional());
    }

    private static Object joiner(Rendering rendering, Arguments arguments) {
        Object separator = JOINER.bind(arguments)[0];
        return new Joiner(separator == null ? ", " : separator);
    }

    private static Object namespace(Rendering rendering, Arguments arguments) {
        return new Namespace(dict(rendering, arguments));
    }

    private static Object raise(Rendering rendering, Arguments arguments) {
        throw TemplateException.of(Kind.RAISED, Repr.str(rendering, RAISE.bind(arguments)[0]));
    }

    private static Object now(Rendering rendering, Arguments arguments) {
        Object format = NOW.bind(arguments)[0];
        return Strftime.format(
                rendering, rendering.now(), TextArguments.required("strftime", format));
    }
}
