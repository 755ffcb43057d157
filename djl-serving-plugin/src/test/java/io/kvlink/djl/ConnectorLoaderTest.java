// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonNull;
import io.kvlink.cuda.CudaException;
import io.kvlink.spi.KvConnector;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConnectorLoaderTest {

    private static final String SERVICES = "META-INF/services/ai.djl.engine.EngineProvider";

    @TempDir private Path dir;

    @Test
    void shouldPreferAConnectorsLibrariesToTheServers() throws Exception {
        // The server has all of these too; a plugin folder's parent-first loader sees the server's.
        Path jar = dir.resolve("connector.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            copy(zip, JsonNull.class);
            copy(zip, KvConnector.class);
            copy(zip, KvLinkPlugin.class);
            copy(zip, CudaException.class);
            zip.putNextEntry(new ZipEntry(SERVICES));
            zip.write("own".getBytes(StandardCharsets.UTF_8));
        }
        URL[] jars = {jar.toUri().toURL()};
        try (URLClassLoader plugins = new URLClassLoader(jars, getClass().getClassLoader());
                URLClassLoader loader = (URLClassLoader) ConnectorLoader.over(plugins)) {
            assertThat(plugins.loadClass(JsonNull.class.getName())).isSameAs(JsonNull.class);
            Class<?> own = loader.loadClass(JsonNull.class.getName());
            assertThat(own.getClassLoader()).isSameAs(loader);
            assertThat(loader.loadClass(JsonNull.class.getName())).isSameAs(own);

            assertThat(loader.loadClass(KvConnector.class.getName())).isSameAs(KvConnector.class);
            assertThat(loader.loadClass(KvLinkPlugin.class.getName())).isSameAs(KvLinkPlugin.class);
            assertThat(loader.loadClass(CudaException.class.getName()))
                    .isSameAs(CudaException.class);
            assertThat(loader.loadClass("com.google.gson.JsonObject").getClassLoader())
                    .isNotSameAs(loader);
            try (InputStream in = loader.getResourceAsStream(SERVICES)) {
                assertThat(in).hasContent("own");
            }
        }
    }

    @Test
    void shouldBeTheClassPathIfThatIsAllThereIs() {
        ClassLoader classPath = getClass().getClassLoader();
        assertThat(ConnectorLoader.over(classPath)).isSameAs(classPath);
    }

    private static void copy(ZipOutputStream zip, Class<?> type) throws IOException {
        String name = type.getName().replace('.', '/') + ".class";
        zip.putNextEntry(new ZipEntry(name));
        try (InputStream in = type.getClassLoader().getResourceAsStream(name)) {
            in.transferTo(zip);
        }
    }
}
