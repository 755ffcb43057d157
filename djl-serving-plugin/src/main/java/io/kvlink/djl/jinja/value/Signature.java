// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.TemplateException;
import java.util.List;
import java.util.Map;

/** Names of a function's parameters, by which arguments find their places. */
public final class Signature {

    private final String function;
    private final List<String> names;
    private final int required;
    private final boolean byPlaceOnly;

    private Signature(String function, List<String> names, int required, boolean byPlaceOnly) {
        this.function = function;
        this.names = names;
        this.required = required;
        this.byPlaceOnly = byPlaceOnly;
    }

    /**
     * A signature.
     *
     * @param spec names with a space between them; a {@code ?} behind those that may be left out; a
     *     {@code /} at the end if none can be given by name
     */
    public static Signature of(String function, String spec) {
        boolean byPlaceOnly = spec.endsWith("/");
        String names = byPlaceOnly ? spec.substring(0, spec.length() - 1) : spec;
        List<String> all = names.isBlank() ? List.of() : List.of(names.strip().split(" +"));
        int required = (int) all.stream().filter(name -> !name.endsWith("?")).count();
        return new Signature(
                function,
                all.stream().map(name -> name.replace("?", "")).toList(),
                required,
                byPlaceOnly);
    }

    /** The arguments by place; null where one was left out. */
    public Object[] bind(Arguments arguments) {
        List<Object> given = arguments.positional();
        if (given.size() > names.size()) {
            throw TemplateException.type(
                    "%s() takes at most %d arguments (%d given)"
                            .formatted(function, names.size(), given.size()));
        }
        Object[] bound = new Object[names.size()];
        for (int i = 0; i < given.size(); i++) {
            bound[i] = given.get(i);
        }
        for (Map.Entry<String, Object> named : arguments.named().entrySet()) {
            int place = byPlaceOnly ? -1 : names.indexOf(named.getKey());
            if (place < 0 || bound[place] != null) {
                throw TemplateException.type(
                        "%s() got an unexpected or repeated argument '%s'"
                                .formatted(function, named.getKey()));
            }
            bound[place] = named.getValue();
        }
        for (int i = 0; i < required; i++) {
            if (bound[i] == null) {
                throw TemplateException.type(
                        "%s() missing required argument: '%s'".formatted(function, names.get(i)));
            }
        }
        return bound;
    }
}
