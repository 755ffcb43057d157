// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive, unpacked, works with the libraries that a DJL Serving 0.36 has, and no others. */
class ArchiveTest {

    private static final Pattern MISSING = Pattern.compile(" -> (\\S+) +not found");

    @TempDir private static Path dir;
    private static Installation installed;

    @BeforeAll
    static void unpack() throws Exception {
        installed = Installation.unpack(dir);
    }

    @Test
    void shouldBringItsOwnJarsAndNoneThatTheServerHas() throws Exception {
        Set<String> plugins = artifacts(installed.jars("plugins"));
        assertThat(plugins)
                .contains(
                        "kvlink-djl-serving-plugin",
                        "kvlink-spi",
                        "kvlink-http-port",
                        "kvlink-cuda-driver",
                        "kvlink-connector-p2p-nccl",
                        "kvlink-connector-multi",
                        "kvlink-connector-shared-store",
                        "kvlink-connector-offload",
                        "kvlink-tensor-pool",
                        "kvlink-proxy-demo",
                        "jeromq",
                        "msgpack-core");
        Set<String> server = artifacts(Installation.serverLibraries());
        assertThat(server)
                .contains("api", "gson", "jna", "netty-codec-http", "slf4j-api", "tokenizers");
        server.remove("javacpp");
        assertThat(plugins).doesNotContainAnyElementsOf(server);
    }

    @Test
    void shouldReferToNoClassThatIsNeitherInItNorInTheServer() throws Exception {
        List<Path> others = new ArrayList<>(Installation.serverLibraries());
        others.addAll(installed.jars("plugins"));
        others.addAll(installed.jars("lib"));
        List<String> arguments = new ArrayList<>();
        arguments.addAll(List.of("--missing-deps", "--multi-release", "17", "-cp"));
        arguments.add(Installation.join(others));
        for (Path jar : installed.jars("plugins")) {
            if (jar.getFileName().toString().startsWith("kvlink-")) {
                arguments.add(jar.toString());
            }
        }
        assertThat(arguments).hasSizeGreaterThan(8);
        assertThat(missing(arguments)).isEmpty();
        // The same without a server: what is missing is found.
        arguments.set(4, Installation.join(installed.jars("plugins")));
        assertThat(missing(arguments)).contains("ai.djl.engine.Engine", "com.google.gson.Gson");
    }

    /** Annotations of package-info classes are missing everywhere, and no JVM misses them. */
    private static List<String> missing(List<String> arguments) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        ToolProvider.findFirst("jdeps")
                .orElseThrow()
                .run(out, out, arguments.toArray(String[]::new));
        return MISSING.matcher(text.toString())
                .results()
                .map(found -> found.group(1))
                .filter(name -> !name.startsWith("org.jspecify."))
                .toList();
    }

    @Test
    void shouldGiveAConnectorItsOwnJavaCppThoughTheServerHasAnother() throws Exception {
        try (Loaders loaders = Loaders.open()) {
            assertThat(javaCpp(loaders.plugins)).isEqualTo("1.5.11");
            assertThat(javaCpp(loaders.connectors)).isEqualTo("1.5.13");
            // Its native part is of the same version, or this doesn't link.
            assertThat(
                            loaders.connectors
                                    .loadClass("org.bytedeco.javacpp.BytePointer")
                                    .getConstructor(long.class)
                                    .newInstance(8L))
                    .isNotNull();
            assertThat(loaders.connectors.loadClass("io.kvlink.spi.KvConnector"))
                    .isSameAs(loaders.plugins.loadClass("io.kvlink.spi.KvConnector"));
        }
    }

    @Test
    void shouldLetConnectorAndDecoderCallTheDriverThroughOneClass() throws Exception {
        try (Loaders loaders = Loaders.open()) {
            Class<?> ofConnector =
                    loaders.connectors.loadClass("io.kvlink.p2p.internal.cuda.DriverDevice");
            assertThat(ofConnector.getClassLoader()).isSameAs(loaders.connectors);
            Class<?> driver = loaders.connectors.loadClass("io.kvlink.cuda.Gpu");
            assertThat(driver.getClassLoader()).isSameAs(loaders.plugins);
            assertThat(loaders.connectors.loadClass("com.sun.jna.Native").getClassLoader())
                    .isSameAs(loaders.server);

            // Looking for the driver loads JNA's native part, whether there is a driver or not.
            Object availability = driver.getMethod("availability").invoke(null);
            assertThat(availability.toString())
                    .containsAnyOf("ready=true", "libcuda.so.1", "cuInit", "cuDeviceGetCount");
            if (!availability.toString().contains("ready=true")) {
                assertThatThrownBy(() -> ofConnector.getMethod("count").invoke(null))
                        .rootCause()
                        .hasMessageContaining("UNAVAILABLE(5)");
            }
        }
    }

    /** The loaders of a server, of its plugin folder, and of that folder's connectors. */
    private record Loaders(URLClassLoader server, URLClassLoader plugins, URLClassLoader connectors)
            implements AutoCloseable {

        static Loaders open() throws Exception {
            URLClassLoader server =
                    new URLClassLoader(
                            urls(Installation.serverLibraries()),
                            ClassLoader.getPlatformClassLoader());
            URLClassLoader plugins = new URLClassLoader(urls(installed.jars("plugins")), server);
            Method over =
                    plugins.loadClass("io.kvlink.djl.ConnectorLoader")
                            .getDeclaredMethod("over", ClassLoader.class);
            over.setAccessible(true);
            return new Loaders(server, plugins, (URLClassLoader) over.invoke(null, plugins));
        }

        @Override
        public void close() throws Exception {
            connectors.close();
            plugins.close();
            server.close();
        }
    }

    private static Object javaCpp(ClassLoader loader) throws Exception {
        return loader.loadClass("org.bytedeco.javacpp.Loader").getMethod("getVersion").invoke(null);
    }

    /** Names without versions: {@code netty-codec-http} of {@code netty-codec-http-4.1.jar}. */
    private static Set<String> artifacts(List<Path> jars) {
        Set<String> names = new TreeSet<>();
        for (Path jar : jars) {
            names.add(jar.getFileName().toString().replaceFirst("-\\d.*", ""));
        }
        return names;
    }

    private static URL[] urls(List<Path> paths) throws Exception {
        URL[] urls = new URL[paths.size()];
        for (int i = 0; i < urls.length; i++) {
            urls[i] = paths.get(i).toUri().toURL();
        }
        return urls;
    }
}
