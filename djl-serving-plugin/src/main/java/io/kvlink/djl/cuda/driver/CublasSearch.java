// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import ai.djl.pytorch.jni.LibUtils;
import io.kvlink.djl.cuda.driver.NativeLibraries.Candidate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Places where cuBLAS may be: what libtorch has loaded, then the system's, then those beside
 * libtorch, where Python's wheels and DJL's downloads have it.
 */
final class CublasSearch {

    private static final List<String> SONAMES = List.of("libcublas.so.13", "libcublas.so.12");

    // DJL's downloads may put a hash before the suffix.
    private static final Pattern FILE = Pattern.compile("libcublas(-\\w+)?\\.so\\.1[23]");

    // From torch/lib to the folders of NVIDIA's wheels.
    private static final List<String> BESIDE =
            List.of("", "../../nvidia/cu13/lib", "../../nvidia/cublas/lib");

    private CublasSearch() {}

    /** All candidates, the best first. */
    static List<Candidate> candidates() {
        List<Candidate> candidates = NativeLibraries.sonames(SONAMES);
        libtorch().ifPresent(folder -> candidates.addAll(beside(folder)));
        return candidates;
    }

    /** The candidates near libtorch's folder, the newest of each folder first. */
    static List<Candidate> beside(Path libtorch) {
        List<Candidate> candidates = new ArrayList<>();
        for (String place : BESIDE) {
            for (Path file : cublasIn(libtorch.resolve(place).normalize())) {
                candidates.add(new Candidate(file.toString(), false));
            }
        }
        return candidates;
    }

    private static List<Path> cublasIn(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> FILE.matcher(file.getFileName().toString()).matches())
                    .sorted(Comparator.comparing(CublasSearch::version).reversed())
                    .toList();
        } catch (IOException unreadable) {
            return List.of();
        }
    }

    private static String version(Path file) {
        String name = file.getFileName().toString();
        return name.substring(name.lastIndexOf('.'));
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
