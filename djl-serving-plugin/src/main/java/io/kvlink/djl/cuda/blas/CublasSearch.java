// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.blas;

import ai.djl.pytorch.jni.LibUtils;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Places where cuBLAS may be: what libtorch has loaded, then the system's, then those beside
 * libtorch, where Python's wheels and DJL's downloads have it.
 */
final class CublasSearch {

    private static final List<String> SONAMES = List.of("libcublas.so.13", "libcublas.so.12");

    // DJL's downloads may put a hash before the suffix.
    private static final Pattern FILE =
            Pattern.compile("libcublas(-\\w+)?\\.so\\.(1[23])(\\.\\d+)*");

    // From torch/lib to the folders of NVIDIA's wheels.
    private static final List<String> BESIDE =
            List.of("", "../../nvidia/cu13/lib", "../../nvidia/cublas/lib");

    private static final Path OWN_MAPPINGS = Path.of("/proc/self/maps");

    private CublasSearch() {}

    /** Sonames and paths, the best first. */
    static Stream<String> candidates() {
        // Asking DJL for libtorch's place may make it fetch libtorch, so that comes last.
        Stream<Supplier<List<String>>> places =
                Stream.of(
                        () -> loaded(OWN_MAPPINGS),
                        () -> SONAMES,
                        () -> libtorch().map(CublasSearch::beside).orElse(List.of()));
        return places.flatMap(place -> place.get().stream());
    }

    /**
     * Paths of those that a process has loaded.
     *
     * @param mappings Linux's list of the process's mappings; may be absent
     */
    static List<String> loaded(Path mappings) {
        try (Stream<String> lines = Files.lines(mappings, StandardCharsets.ISO_8859_1)) {
            return lines.filter(line -> line.indexOf('/') >= 0)
                    .map(line -> line.substring(line.indexOf('/')))
                    .distinct()
                    .filter(path -> isCublas(path.substring(path.lastIndexOf('/') + 1)))
                    .toList();
        } catch (IOException | UncheckedIOException unreadable) {
            return List.of();
        }
    }

    /** The candidates near libtorch's folder, the newest of each folder first. */
    static List<String> beside(Path libtorch) {
        List<String> candidates = new ArrayList<>();
        for (String place : BESIDE) {
            for (Path file : cublasIn(libtorch.resolve(place).normalize())) {
                candidates.add(file.toString());
            }
        }
        return candidates;
    }

    private static List<Path> cublasIn(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> isCublas(file.getFileName().toString()))
                    .sorted(Comparator.comparing(CublasSearch::version).reversed())
                    .toList();
        } catch (IOException unreadable) {
            return List.of();
        }
    }

    private static boolean isCublas(String fileName) {
        return FILE.matcher(fileName).matches();
    }

    private static String version(Path file) {
        Matcher name = FILE.matcher(file.getFileName().toString());
        return name.matches() ? name.group(2) : "";
    }

    // DJL has no libtorch if its engine didn't find one, and says so in several ways.
    private static Optional<Path> libtorch() {
        try {
            return Optional.of(Path.of(LibUtils.getLibtorchPath()).toAbsolutePath());
        } catch (RuntimeException | LinkageError none) {
            return Optional.empty();
        }
    }
}
