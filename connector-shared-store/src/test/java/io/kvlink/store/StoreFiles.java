// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Files of a store, as a test looks at them. */
final class StoreFiles {

    private StoreFiles() {}

    /** All block files below a folder. */
    static List<Path> blocks(Path folder) {
        return ending(folder, BlockDirectory.SUFFIX);
    }

    /** All files below a folder whose names end in some way. */
    static List<Path> ending(Path folder, String end) {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .filter(file -> file.getFileName().toString().endsWith(end))
                    .sorted()
                    .toList();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
