// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.kvlink.djl.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The README's table of options is what a worker takes: no key less, none more. */
class OptionsDocumentedTest {

    /** Options that the model reads before the worker sees the rest. */
    private static final Set<String> MODEL = Set.of("model_dir", "predict_timeout_s");

    private static final Pattern ROW =
            Pattern.compile("(?m)^\\| `(\\w+)` \\| \\S[^|]*\\| \\S[^|]*\\| \\S.*\\|$");

    @Test
    void shouldListEachOptionWithDefaultRangeAndMeaning() throws Exception {
        Throwable refused =
                catchThrowable(() -> WorkerConfig.of(Path.of("m"), Map.of("no_option", "1")));
        Matcher known = Pattern.compile("Known: \\[(.*)]").matcher(refused.getMessage());
        assertThat(known.find()).isTrue();
        Set<String> options = new TreeSet<>(Set.of(known.group(1).split(", ", 0)));
        options.addAll(MODEL);

        String readme = Files.readString(Path.of("README.md"));
        String table =
                readme.substring(
                        readme.indexOf("\n## Options\n"), readme.indexOf("\n## On a GPU\n"));
        Set<String> documented =
                ROW.matcher(table)
                        .results()
                        .map((MatchResult row) -> row.group(1))
                        .collect(Collectors.toCollection(TreeSet::new));
        assertThat(documented).isEqualTo(options);
    }
}
