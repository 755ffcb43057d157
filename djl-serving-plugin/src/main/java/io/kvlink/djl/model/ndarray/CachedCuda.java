// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * libtorch with CUDA that DJL has downloaded into its cache. DJL takes a libtorch of the class path
 * before it looks there, even one without CUDA.
 *
 * @param directory of the libraries
 * @param flavor DJL's name of the build, such as {@code cu128}
 */
record CachedCuda(Path directory, String flavor) {

    private static final String LIBTORCH = "libtorch.so";

    /**
     * The newest build that the machine can run.
     *
     * @param cache DJL's cache of the PyTorch engine; may be absent
     * @param version of libtorch that this DJL is made for
     * @param classifier DJL's name of the platform, such as {@code linux-x86_64}
     * @param cuda version of the machine's CUDA as DJL writes it, such as 128
     */
    static Optional<CachedCuda> find(Path cache, String version, String classifier, int cuda) {
        Pattern name =
                Pattern.compile(
                        Pattern.quote(version) + "-(cu(\\d{3}))-" + Pattern.quote(classifier));
        if (!Files.isDirectory(cache)) {
            return Optional.empty();
        }
        try (Stream<Path> entries = Files.list(cache)) {
            return entries.map(entry -> name.matcher(entry.getFileName().toString()))
                    .filter(Matcher::matches)
                    .filter(build -> Integer.parseInt(build.group(2)) <= cuda)
                    .map(build -> new CachedCuda(cache.resolve(build.group()), build.group(1)))
                    .filter(build -> Files.isRegularFile(build.directory.resolve(LIBTORCH)))
                    .max(Comparator.comparing(CachedCuda::flavor));
        } catch (IOException unreadable) {
            return Optional.empty();
        }
    }
}
