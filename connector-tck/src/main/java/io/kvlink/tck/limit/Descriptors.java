// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/** Files and sockets that this process has open, where the system tells. */
public final class Descriptors {

    private static final Path OPEN = Path.of("/proc/self/fd");
    // The JVM's own: opened when a class is needed.
    private static final Set<String> ENDINGS = Set.of(".jar", ".so", ".class", "/modules");
    private static final Set<String> FOLDERS = Set.of("/dev/", "/proc/", "/sys/");

    private Descriptors() {}

    /** Returns whether the system tells. */
    public static boolean known() {
        return Files.isDirectory(OPEN);
    }

    /** Each by its number and its name, such as {@code 31 socket:[5012]}. */
    public static Set<String> now() {
        Set<String> open = new TreeSet<>();
        try (DirectoryStream<Path> links = Files.newDirectoryStream(OPEN)) {
            for (Path link : links) {
                String name = target(link);
                if (ENDINGS.stream().noneMatch(name::endsWith)
                        && FOLDERS.stream().noneMatch(name::startsWith)) {
                    open.add(link.getFileName() + " " + name);
                }
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        } catch (DirectoryIteratorException cause) {
            throw new UncheckedIOException(cause.getCause());
        }
        return open;
    }

    /** Files and sockets that are open now, and weren't before. */
    public static Set<String> since(Set<String> before) {
        Set<String> added = now();
        added.removeAll(before);
        return added;
    }

    // One that is gone meanwhile has the name of a folder that isn't counted.
    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException closed) {
            return "/dev/null";
        }
    }
}
