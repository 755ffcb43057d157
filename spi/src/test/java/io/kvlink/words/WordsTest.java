// SPDX-License-Identifier: Apache-2.0
package io.kvlink.words;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wording of all modules' Javadoc, and of all headings of the documentation. */
final class WordsTest {

    private static final Path ROOT = Path.of(System.getProperty("basedir", "."), "..").normalize();

    @Test
    void shouldDescribeThingsInJavadoc() throws IOException {
        assertThat(faults(".java", Prose::javadocs, Wording::javadocFault)).isEmpty();
    }

    @Test
    void shouldNameSubjectsInHeadings() throws IOException {
        assertThat(faults(".md", Prose::headings, Wording::headingFault)).isEmpty();
    }

    @Test
    void shouldReadAllModulesAndTheDocumentation() throws IOException {
        List<String> java = files(".java");
        List<String> modules =
                Pattern.compile("<module>(.*)</module>")
                        .matcher(Files.readString(ROOT.resolve("pom.xml")))
                        .results()
                        .map((MatchResult module) -> module.group(1))
                        .toList();
        assertThat(modules).contains("spi", "benchmarks");
        assertThat(modules).allMatch(module -> hasSources(java, module));
        assertThat(files(".md")).contains("README.md", "spi/README.md", "docs/planes.md");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/** What is to be sent. */",
                "/** Whether it is open. */",
                "/** How many. */",
                "/** The same, with a port. */",
                "/** Its name. */",
                "/** Of several the last. */",
                "/**\n * Those that wait.\n */",
                "/** {@code x}. What it throws is logged. */",
                "/**\n * A name.\n *\n * <p>What is longer is cut.\n */",
                "/** a b c d e f g h i j k l m n o p q r s t u v w x y z. */",
            })
    void shouldFindAFaultOfJavadoc(String comment) {
        Prose javadoc = Prose.javadocs("class A {\n    " + comment + "\n}").get(0);
        assertThat(javadoc.line()).isEqualTo(2);
        assertThat(Wording.javadocFault(javadoc)).isPresent();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/** Send queue of one link. It is bounded. */",
                "/** True if the queue is open. */",
                "/** {@link A} without a name. */",
                "/** a b c d e f g h i j k l m n o p q r s t u v w x {@code y z}. */",
                "/**\n * A name.\n *\n * @return what was set\n */",
                "/** Itself. */",
                "/** */",
            })
    void shouldAcceptJavadocThatNamesTheThing(String comment) {
        assertThat(Prose.javadocs(comment)).allMatch(text -> Wording.javadocFault(text).isEmpty());
    }

    @Test
    void shouldFindAFaultOfAHeading() {
        List<Prose> headings =
                Prose.headings("# Title\n```\n# What a shell does\n```\n## What to do\n");
        assertThat(headings).extracting(Prose::line).containsExactly(1, 5);
        assertThat(Wording.headingFault(headings.get(0))).isEmpty();
        assertThat(Wording.headingFault(headings.get(1))).isPresent();
    }

    private static boolean hasSources(List<String> files, String module) {
        return !Files.isDirectory(ROOT.resolve(module + "/src/main/java"))
                || files.stream().anyMatch(file -> file.startsWith(module + "/src/main/java/"));
    }

    private static List<String> faults(
            String ending,
            Function<String, List<Prose>> reading,
            Function<Prose, Optional<String>> rule)
            throws IOException {
        List<String> faults = new ArrayList<>();
        for (String file : files(ending)) {
            for (Prose prose : reading.apply(Files.readString(ROOT.resolve(file)))) {
                rule.apply(prose)
                        .ifPresent(fault -> faults.add(file + ":" + prose.line() + " " + fault));
            }
        }
        return faults;
    }

    private static List<String> files(String ending) throws IOException {
        List<String> found = new ArrayList<>();
        Files.walkFileTree(
                ROOT,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes is) {
                        String name = folder.getFileName().toString();
                        boolean ours = folder.equals(ROOT) || !name.matches("target|\\..*");
                        return ours ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes is) {
                        String path = ROOT.relativize(file).toString().replace('\\', '/');
                        if (path.endsWith(ending)) {
                            found.add(path);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        return found;
    }
}
