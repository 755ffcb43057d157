// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.cuda.driver.NativeLibraries.Candidate;
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
                .extracting(Candidate::name)
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
    void shouldAskForLibrariesBySonameFirst() {
        assertThat(CublasSearch.candidates())
                .startsWith(
                        new Candidate("libcublas.so.13", true),
                        new Candidate("libcublas.so.12", true),
                        new Candidate("libcublas.so.13", false),
                        new Candidate("libcublas.so.12", false));
    }

    private static Path touch(Path file) throws Exception {
        Files.createDirectories(file.getParent());
        return Files.createFile(file);
    }
}
