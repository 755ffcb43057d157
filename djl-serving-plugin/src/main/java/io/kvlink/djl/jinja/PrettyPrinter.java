// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** The filter {@code pprint}, for what fits on one line. */
final class PrettyPrinter {

    private static final int WIDTH = 80;

    private PrettyPrinter() {}

    static Object print(Rendering rendering, Object value) {
        String line = Repr.shown(rendering, sorted(rendering, value));
        if (line.length() > WIDTH) {
            throw TemplateException.unsupported("pprint of more than a line");
        }
        return line;
    }

    /** With the keys of dicts in order. */
    private static Object sorted(Rendering rendering, Object value) {
        rendering.step();
        if (value instanceof PyList list) {
            return new PyList(list.items().stream().map(item -> sorted(rendering, item)).toList());
        }
        if (value instanceof PyTuple tuple) {
            return new PyTuple(
                    tuple.items().stream().map(item -> sorted(rendering, item)).toList());
        }
        if (!(value instanceof PyDict dict)) {
            return value;
        }
        PyDict ordered = new PyDict();
        Comparison.sorted(
                        rendering,
                        dict.entries().stream()
                                .map(entry -> new Comparison.Keyed(entry.key(), (Object) entry))
                                .toList(),
                        false)
                .forEach(
                        keyed -> {
                            PyDict.Entry entry = (PyDict.Entry) keyed.value();
                            ordered.put(entry.key(), sorted(rendering, entry.value()));
                        });
        return ordered;
    }
}
