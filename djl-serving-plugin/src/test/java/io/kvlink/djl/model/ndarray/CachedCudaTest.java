// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.util.ClassLoaderUtils;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CachedCudaTest {

    private static final String LINUX = "linux-x86_64";

    @TempDir private Path cache;

    @Test
    void shouldFindTheNewestBuildThatTheMachineRuns() throws Exception {
        for (String build :
                new String[] {
                    "2.7.1-cpu-linux-x86_64",
                    "2.7.1-cu118-linux-x86_64",
                    "2.7.1-cu128-linux-x86_64",
                    "2.7.1-cu130-linux-x86_64",
                    "2.7.1-cu128-linux-aarch64",
                    "2.5.1-cu128-linux-x86_64"
                }) {
            Files.createDirectories(cache.resolve(build));
            Files.createFile(cache.resolve(build).resolve("libtorch.so"));
        }
        Files.createDirectories(cache.resolve("2.7.1-cu126-linux-x86_64"));

        assertThat(CachedCuda.find(cache, "2.7.1", LINUX, 129))
                .contains(new CachedCuda(cache.resolve("2.7.1-cu128-linux-x86_64"), "cu128"));
        assertThat(CachedCuda.find(cache, "2.7.1", LINUX, 128).orElseThrow().flavor())
                .isEqualTo("cu128");
        // One without its library was not downloaded to the end.
        assertThat(CachedCuda.find(cache, "2.7.1", LINUX, 126))
                .contains(new CachedCuda(cache.resolve("2.7.1-cu118-linux-x86_64"), "cu118"));
        assertThat(CachedCuda.find(cache, "2.7.1", LINUX, 117)).isEmpty();
        assertThat(CachedCuda.find(cache, "2.6.0", LINUX, 130)).isEmpty();
        assertThat(CachedCuda.find(cache.resolve("absent"), "2.7.1", LINUX, 130)).isEmpty();
    }

    @Test
    void shouldBeNamedOnlyWhereDjlWouldTakeALibraryWithoutCuda() {
        Optional<CachedCuda> cached = Optional.of(new CachedCuda(cache, "cu128"));
        assertThat(PyTorchRuntime.choose(null, false, cached)).isEqualTo(cached);
        assertThat(PyTorchRuntime.choose(" ", false, cached)).isEqualTo(cached);
        // The class path has one with CUDA.
        assertThat(PyTorchRuntime.choose(null, true, cached)).isEmpty();
        assertThat(PyTorchRuntime.choose("/opt/torch/lib", false, cached)).isEmpty();
        assertThat(PyTorchRuntime.choose(null, false, Optional.empty())).isEmpty();
    }

    @Test
    void shouldHaveTheJniLibraryThatDjlAsksFor() throws Exception {
        Properties engine = resource("pytorch-engine.properties");
        assertThat(resource("jnilib/pytorch.properties").getProperty("jni_version"))
                .isEqualTo(
                        engine.getProperty("pytorch_version")
                                + "-"
                                + engine.getProperty("djl_version"));
    }

    private static Properties resource(String name) throws Exception {
        Properties properties = new Properties();
        try (InputStream in = ClassLoaderUtils.getResourceAsStream(name)) {
            properties.load(in);
        }
        return properties;
    }
}
