// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Renderings for tests, of variables that are the same everywhere. */
final class Rendered {

    static final ZonedDateTime NOW =
            ZonedDateTime.of(2024, 7, 3, 15, 4, 9, 56_789_000, ZoneOffset.UTC);

    private Rendered() {}

    static String of(String source) {
        return Template.parse(source).render(variables(), NOW);
    }

    static Map<String, Object> variables() {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", "f");
        function.put("items", List.of(1, 2));
        return Map.of(
                "text",
                "Hi there",
                "smile",
                "a\ud83d\ude00b",
                "list",
                List.of(3, 1, 2),
                "dict",
                Map.of("a", 1),
                "function",
                function,
                "tree",
                List.of(Map.of("n", 1, "c", List.of(Map.of("n", 2, "c", List.of())))));
    }
}
