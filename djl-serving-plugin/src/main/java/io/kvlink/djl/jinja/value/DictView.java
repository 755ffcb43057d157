// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.Iterator;
import java.util.Locale;

/** Result of {@code keys}, {@code values} and {@code items} of a dict. */
public record DictView(PyDict dict, Kind kind) implements Iterable<Object> {

    /** The parts of entries that a view shows. */
    public enum Kind {
        KEYS,
        VALUES,
        ITEMS;

        String typeName() {
            return "dict_" + name().toLowerCase(Locale.ROOT);
        }

        private Object part(PyDict.Entry entry) {
            return switch (this) {
                case KEYS -> entry.key();
                case VALUES -> entry.value();
                case ITEMS -> PyTuple.of(entry.key(), entry.value());
            };
        }
    }

    @Override
    public Iterator<Object> iterator() {
        return dict.entries().stream().map(kind::part).iterator();
    }
}
