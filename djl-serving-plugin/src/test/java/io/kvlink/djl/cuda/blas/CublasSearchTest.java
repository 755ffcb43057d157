// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.blas;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CublasSearchTest {

    @TempDir Path root;

    @Test
    void shouldFindCublasBesideLibtorchAndInTheWheelsOfNvidia() throws Exception {
        Path libtorch = Files.createDirectories(root.resolve("torch/lib"));
        Path older = touch(libtorch.resolve("libcublas-3b81d170.so.12"));
        Path newer = touch(libtorch.resolve("libcublas.so.13"));
        touch(libtorch.resolve("libcublasLt.so.13"));
        touch(libtorch.resolve("libcublas.so.11"));
        Path wheel = touch(root.resolve("nvidia/cu13/lib/libcublas.so.13"));
        Path olderWheel = touch(root.resolve("nvidia/cublas/lib/libcublas.so.12"));

        assertThat(CublasSearch.beside(libtorch))
                .containsExactly(
                        newer.toString(),
                        older.toString(),
                        wheel.toString(),
                        olderWheel.toString());
    }

    @Test
    void shouldFindNothingWhereNothingIs() {
        assertThat(CublasSearch.beside(root.resolve("absent"))).isEmpty();
    }

    @Test
    void shouldFindWhatTheProcessHasLoaded() throws Exception {
        Path mappings =
                Files.writeString(
                        root.resolve("maps"),
                        """
                        7f10-7f20 r--p 00000000 08:01 7   /opt/a b/libcublasLt.so.12
                        7f20-7f30 r--p 00000000 08:01 8   /opt/a b/libcublas.so.12.8.4
                        7f30-7f40 r-xp 00001000 08:01 8   /opt/a b/libcublas.so.12.8.4
                        7f40-7f50 rw-p 00000000 00:00 0
                        7f50-7f60 rw-p 00000000 00:00 0   [heap]
                        """);

        assertThat(CublasSearch.loaded(mappings)).containsExactly("/opt/a b/libcublas.so.12.8.4");
        assertThat(CublasSearch.loaded(root.resolve("absent"))).isEmpty();
    }

    @Test
    void shouldAskForTheNewestSonameFirst() {
        assertThat(CublasSearch.candidates())
                .containsSubsequence("libcublas.so.13", "libcublas.so.12");
    }

    private static Path touch(Path file) throws Exception {
        Files.createDirectories(file.getParent());
        return Files.createFile(file);
    }
}
