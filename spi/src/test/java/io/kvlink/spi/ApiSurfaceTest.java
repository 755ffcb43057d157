// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Makes every change of the contract's signatures a visible line in review. */
final class ApiSurfaceTest {

    private static final String UPDATE = "kvlink.api.update";

    @Test
    void shouldBeTheSurfaceThatIsWrittenDown() throws Exception {
        Path file = Path.of(System.getProperty("basedir", ".")).resolve("api-surface.txt");
        List<String> now = surface();
        if (Boolean.getBoolean(UPDATE)) {
            Files.write(file, now);
            return;
        }
        List<String> written = Files.readAllLines(file);
        if (!written.equals(now)) {
            fail(
                    "the signatures of io.kvlink.spi differ from spi/api-surface.txt:\n"
                            + String.join("\n", difference(written, now))
                            + "\nIf that is meant: mvn -pl spi test -Dtest=ApiSurfaceTest -D"
                            + UPDATE
                            + "=true");
        }
    }

    @Test
    void shouldShowWhatCameAndWhatWent() {
        List<String> before = List.of("class A", "  a()", "class B", "  b()");
        List<String> after = List.of("class A", "  a(int)", "class B", "  b()");
        assertThat(difference(before, after)).containsExactly("class A", "-   a()", "+   a(int)");
    }

    private static List<String> surface() throws IOException, URISyntaxException {
        Path classes =
                Path.of(KvLayout.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<String> names;
        try (Stream<Path> files = Files.list(classes.resolve("io/kvlink/spi"))) {
            names =
                    files.map(file -> file.getFileName().toString())
                            .filter(file -> file.endsWith(".class") && !file.contains("-info"))
                            .map(file -> "io.kvlink.spi." + file.substring(0, file.length() - 6))
                            .sorted()
                            .toList();
        }
        List<String> lines = new ArrayList<>();
        for (String name : names) {
            Class<?> type = type(name);
            if (ApiSurface.visible(type)) {
                lines.addAll(ApiSurface.of(type));
            }
        }
        return lines;
    }

    private static Class<?> type(String name) {
        try {
            return Class.forName(name, false, ApiSurfaceTest.class.getClassLoader());
        } catch (ClassNotFoundException cause) {
            throw new AssertionError(name, cause);
        }
    }

    // A member's line says little without its class, so lines are compared with their class.
    private static List<String> difference(List<String> before, List<String> after) {
        List<String> old = qualified(before);
        List<String> now = qualified(after);
        List<String> lines = new ArrayList<>();
        String heading = "";
        for (String line : Stream.concat(old.stream(), now.stream()).distinct().sorted().toList()) {
            if (old.contains(line) && now.contains(line)) {
                continue;
            }
            String[] parts = line.split("\n", 2);
            if (!parts[0].equals(heading) && parts.length == 2) {
                heading = parts[0];
                lines.add(heading);
            }
            lines.add((old.contains(line) ? "- " : "+ ") + parts[parts.length - 1]);
        }
        return lines;
    }

    private static List<String> qualified(List<String> lines) {
        List<String> qualified = new ArrayList<>();
        String type = "";
        for (String line : lines) {
            if (line.startsWith("  ")) {
                qualified.add(type + "\n" + line);
            } else {
                type = line;
                qualified.add(line);
            }
        }
        return qualified;
    }
}
