// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.measure;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Lines of tables in Markdown. */
public final class Table {

    private Table() {}

    /** The first two lines. */
    public static String head(String... names) {
        return row((Object[]) names)
                + "\n|"
                + String.join("", Collections.nCopies(names.length, "---|"));
    }

    /** One line. */
    public static String row(Object... cells) {
        return row(Arrays.asList(cells));
    }

    /** One line. */
    public static String row(List<?> cells) {
        return cells.stream().map(String::valueOf).collect(Collectors.joining(" | ", "| ", " |"));
    }

    /** Formats values by no country's rules. */
    public static String number(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
