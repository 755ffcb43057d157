// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.DictView;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PySequence;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Types;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Methods of Python's containers that change nothing. */
public final class ContainerMethods {

    static final List<Method> LIST =
            List.of(
                    Method.of("count", "value /", ContainerMethods::count),
                    Method.of("index", "value start? stop? /", ContainerMethods::index),
                    Method.of(
                            "copy", "/", (r, self, a) -> new PyList(((PySequence) self).items())));

    static final List<Method> TUPLE =
            List.of(
                    Method.of("count", "value /", ContainerMethods::count),
                    Method.of("index", "value start? stop? /", ContainerMethods::index));

    static final List<Method> DICT =
            List.of(
                    Method.of("get", "key default? /", (r, self, a) -> get(self, a[0], a[1])),
                    view("keys", DictView.Kind.KEYS),
                    view("values", DictView.Kind.VALUES),
                    view("items", DictView.Kind.ITEMS),
                    Method.of("copy", "/", (r, self, a) -> new PyDict().putAll((PyDict) self)),
                    Method.of("fromkeys", "iterable value? /", ContainerMethods::fromKeys));

    static final List<Method> BYTES =
            List.of(
                    Method.of("decode", "encoding? errors?", Encoding::decode),
                    Method.of("hex", "/", (r, self, a) -> hex((PyBytes) self)));

    private ContainerMethods() {}

    private static Method view(String name, DictView.Kind kind) {
        return Method.of(name, "/", (r, self, a) -> new DictView((PyDict) self, kind));
    }

    private static Object get(Object self, Object key, @Nullable Object otherwise) {
        Object found = ((PyDict) self).get(key);
        return found != null ? found : otherwise != null ? otherwise : None.NONE;
    }

    public static Object fromKeys(Rendering rendering, Object self, Object[] given) {
        PyDict dict = new PyDict();
        Object value = given[1] == null ? None.NONE : given[1];
        for (Iterator<Object> keys = Iteration.of(given[0]); keys.hasNext(); ) {
            rendering.step();
            rendering.madeElements(4);
            dict.put(keys.next(), value);
        }
        return dict;
    }

    private static Object count(Rendering rendering, Object self, Object[] given) {
        long count = 0;
        for (Iterator<Object> all = Iteration.of(self); all.hasNext(); ) {
            rendering.step();
            count += Comparison.equal(rendering, all.next(), given[0]) ? 1 : 0;
        }
        return count;
    }

    private static Object index(Rendering rendering, Object self, Object[] given) {
        List<Object> all = new ArrayList<>();
        Iteration.of(self).forEachRemaining(all::add);
        long start = place(given[1], 0, all.size());
        long stop = Math.min(all.size(), place(given[2], all.size(), all.size()));
        for (long i = start; i < stop; i++) {
            rendering.step();
            if (Comparison.equal(rendering, all.get((int) i), given[0])) {
                return i;
            }
        }
        throw TemplateException.value(
                self instanceof PyTuple
                        ? "tuple.index(x): x not in tuple"
                        : Repr.shown(rendering, given[0]) + " is not in " + Types.name(self));
    }

    private static long place(@Nullable Object given, long otherwise, int size) {
        if (given == null) {
            return otherwise;
        }
        long place = Numbers.index(given);
        return place < 0 ? Math.max(0, place + size) : place;
    }

    private static String hex(PyBytes bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes.bytes()) {
            text.append(String.format("%02x", b & 0xff));
        }
        return text.toString();
    }
}
