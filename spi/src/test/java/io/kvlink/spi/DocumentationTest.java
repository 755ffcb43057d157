// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Links and paths of the project's pages, the pages that its sources name, and the types that the
 * architecture names: all lead somewhere. In this module since it is built first.
 */
final class DocumentationTest {

    private static final Path ROOT =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();

    private static final Set<String> SKIPPED = Set.of("target", ".git");
    private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
    private static final Pattern PAGE = Pattern.compile("(?<![\\w/.-])docs/[\\w-]+\\.md");
    private static final Pattern CODE =
            Pattern.compile("`([^`\n]+)`|\\[([A-Z]\\w+(?:, [A-Z]\\w+)*)](?!\\()");
    private static final Pattern TYPE = Pattern.compile("\\b[A-Z]\\w*[a-z]\\w*");
    private static final Pattern DECLARED =
            Pattern.compile("\\b(?:class|interface|record|enum) (\\w+)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.+?) *$");
    private static final Pattern FENCED = Pattern.compile("(?ms)^```.*?^```");

    @Test
    void shouldHaveLinksThatLeadSomewhere() throws IOException {
        List<Path> pages = files(ROOT, ".md");
        assertThat(pages).hasSizeGreaterThan(20);
        assertThat(pages.stream().flatMap(page -> brokenLinks(page).stream())).isEmpty();
    }

    @Test
    void shouldNameFilesThatAreThere() throws IOException {
        Pattern paths = paths(ROOT);
        assertThat(files(ROOT, ".md").stream().flatMap(page -> missing(ROOT, page, paths).stream()))
                .isEmpty();
    }

    @Test
    void shouldNameInSourcesPagesThatAreThere() throws IOException {
        List<Path> sources = files(ROOT, ".java");
        assertThat(sources).hasSizeGreaterThan(500);
        assertThat(sources.stream().flatMap(source -> missing(ROOT, source, PAGE).stream()))
                .isEmpty();
    }

    @Test
    void shouldNameInTheArchitectureTypesThatAreThere() throws IOException {
        Set<String> declared =
                files(ROOT, ".java").stream()
                        .flatMap(source -> DECLARED.matcher(read(source)).results())
                        .map(type -> type.group(1))
                        .collect(Collectors.toSet());
        Path page = ROOT.resolve("docs/architecture.md");
        String text = read(page);
        List<String> unknown =
                CODE.matcher(text)
                        .results()
                        .flatMap(
                                code ->
                                        TYPE.matcher(code.group())
                                                .results()
                                                .filter(type -> !declared.contains(type.group()))
                                                .map(type -> place(page, text, code, type.group())))
                        .toList();
        assertThat(unknown).isEmpty();
    }

    @Test
    void shouldFindEachKindOfDeadEnd(@TempDir Path root) throws IOException {
        Files.createDirectories(root.resolve("manual"));
        Files.writeString(root.resolve("manual/there.md"), "# A `thing`, here\n");
        Path page = root.resolve("README.md");
        Files.writeString(
                page,
                """
                [fine](manual/there.md#a-thing-here), [fine](#own) and `manual/there.md`
                ## Own
                [file](manual/gone.md)
                [heading](manual/there.md#elsewhere)
                `manual/lost.md`
                """);
        assertThat(brokenLinks(page))
                .containsExactly(
                        "README.md:3 manual/gone.md", "README.md:4 manual/there.md#elsewhere");
        assertThat(missing(root, page, paths(root)))
                .containsExactly("README.md:3 manual/gone.md", "README.md:5 manual/lost.md");
    }

    private static List<Path> files(Path root, String suffix) throws IOException {
        List<Path> files = new ArrayList<>();
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(
                            Path folder, BasicFileAttributes attributes) {
                        return SKIPPED.contains(folder.getFileName().toString())
                                ? FileVisitResult.SKIP_SUBTREE
                                : FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        if (file.toString().endsWith(suffix)) {
                            files.add(file);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        Collections.sort(files);
        return files;
    }

    private static List<String> brokenLinks(Path page) {
        String text = read(page);
        return LINK.matcher(withoutFences(text))
                .results()
                .filter(link -> !link.group(1).contains(":") && !leads(page, link.group(1)))
                .map(link -> place(page, text, link, link.group(1)))
                .toList();
    }

    private static boolean leads(Path page, String target) {
        String[] parts = target.split("#", 2);
        Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        return Files.exists(file) && (parts.length == 1 || anchors(file).contains(parts[1]));
    }

    // As forges make them of headings.
    private static Set<String> anchors(Path page) {
        return HEADING.matcher(withoutFences(read(page)))
                .results()
                .map(heading -> heading.group(1).toLowerCase(Locale.ROOT))
                .map(text -> text.replaceAll("[^\\w\\- ]", "").replace(' ', '-'))
                .collect(Collectors.toSet());
    }

    // A path counts if it begins with a folder of the project's root.
    private static Pattern paths(Path root) throws IOException {
        try (Stream<Path> folders = Files.list(root)) {
            return folders.filter(Files::isDirectory)
                    .map(folder -> folder.getFileName().toString())
                    .filter(name -> !name.startsWith(".") && !SKIPPED.contains(name))
                    .sorted()
                    .collect(
                            Collectors.collectingAndThen(
                                    Collectors.joining("|"),
                                    names ->
                                            Pattern.compile(
                                                    "(?<![\\w/.-])(?:"
                                                            + names
                                                            + ")/[\\w./-]*\\w")));
        }
    }

    private static List<String> missing(Path root, Path file, Pattern paths) {
        String text = read(file);
        List<String> missing = new ArrayList<>();
        paths.matcher(text)
                .results()
                .filter(path -> !path.group().contains("/target"))
                .filter(path -> !Files.exists(root.resolve(path.group())))
                .filter(path -> !Files.exists(file.resolveSibling(path.group())))
                .forEach(path -> missing.add(place(file, text, path, path.group())));
        return missing;
    }

    // Fences keep their lines, so that places stay.
    private static String withoutFences(String text) {
        return FENCED.matcher(text).replaceAll(fence -> fence.group().replaceAll("[^\n]", " "));
    }

    private static String place(Path file, String text, MatchResult match, String what) {
        long line = text.substring(0, match.start()).lines().count();
        boolean atStart = match.start() == 0 || text.charAt(match.start() - 1) == '\n';
        return file.getFileName() + ":" + (atStart ? line + 1 : line) + " " + what;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException cause) {
            throw new AssertionError(file.toString(), cause);
        }
    }
}
