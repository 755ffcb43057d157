// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class KvConnectorsTest {

    @TempDir Path jar;

    @Test
    void shouldFindProvidersThroughTheLoaderItIsGiven() throws IOException {
        try (URLClassLoader loader = loaderOf(StubProvider.class.getName())) {
            KvConnectors connectors = KvConnectors.load(loader);
            assertThat(connectors.names()).containsExactly("stub");
            assertThat(connectors.named("stub")).isInstanceOf(StubProvider.class);
            assertThat(connectors.hostPool()).isEmpty();
        }
    }

    @Test
    void shouldNotLookAtTheContextLoader() throws IOException {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader loader = loaderOf(StubProvider.class.getName())) {
            thread.setContextClassLoader(loader);
            assertThat(KvConnectors.load(ClassLoader.getPlatformClassLoader()).names()).isEmpty();
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    @Test
    void shouldNameBothClassesAndJarsOfADuplicate() throws IOException {
        String twin = StubProvider.Twin.class.getName();
        String jarOfBoth =
                StubProvider.class.getProtectionDomain().getCodeSource().getLocation() + "";
        try (URLClassLoader loader = loaderOf(StubProvider.class.getName() + "\n" + twin)) {
            assertError(KvError.DUPLICATE_PROVIDER, () -> KvConnectors.load(loader))
                    .hasMessage(
                            "DUPLICATE_PROVIDER(3): name=stub first=io.kvlink.spi.StubProvider@%s second=%s@%s; remove one of the jars"
                                    .formatted(jarOfBoth, twin, jarOfBoth));
        }
    }

    @Test
    void shouldRefuseTwoHostPools() {
        StubPool pool = new StubPool(Availability.usable());
        assertError(
                        KvError.DUPLICATE_PROVIDER,
                        () -> KvConnectors.of(List.of(), List.of(pool, pool)))
                .hasMessageContaining("name=host pool first=io.kvlink.spi.StubPool@");
    }

    @Test
    void shouldListTheKnownNamesForAnUnknownOne() {
        KvConnectors connectors =
                KvConnectors.of(
                        List.of(
                                new StubProvider("b", Availability.usable()),
                                new StubProvider("a", Availability.usable())),
                        List.of());
        assertError(KvError.NO_SUCH_CONNECTOR, () -> connectors.named("c"))
                .hasMessage(
                        "NO_SUCH_CONNECTOR(2): kv_connector=c known=[a, b];"
                                + " is the connector's jar in the plugin folder?");
    }

    @Test
    void shouldGiveTheReasonOfAnUnavailableOne() {
        StubProvider gpuOnly = new StubProvider("gpu", Availability.missing("no GPU here"));
        KvConnectors connectors = KvConnectors.of(List.of(gpuOnly), List.of());
        assertThat(connectors.names()).containsExactly("gpu");
        assertError(KvError.UNAVAILABLE, () -> connectors.named("gpu"))
                .hasMessage("UNAVAILABLE(5): kv_connector=gpu; no GPU here");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, KvSpi.VERSION + 1})
    void shouldRefuseAProviderOfAnotherVersion(int version) {
        StubProvider other =
                new StubProvider("other", Availability.usable()) {
                    @Override
                    public int spiVersion() {
                        return version;
                    }
                };
        KvConnectors connectors = KvConnectors.of(List.of(other), List.of());
        assertError(KvError.UNAVAILABLE, () -> connectors.named("other"))
                .hasMessage(
                        "UNAVAILABLE(5): kv_connector=other; spiVersion=%d supported=2..2;"
                                        .formatted(version)
                                + " take connector and host of one release");
    }

    @Test
    void shouldRefuseAProviderThatKnowsNoVersions() {
        StubProvider old =
                new StubProvider("old", Availability.usable()) {
                    @Override
                    public int spiVersion() {
                        throw new AbstractMethodError("spiVersion");
                    }
                };
        KvConnectors connectors = KvConnectors.of(List.of(old), List.of());
        assertError(KvError.UNAVAILABLE, () -> connectors.named("old"))
                .hasMessageContaining("spiVersion=1 supported=2..2");
    }

    @Test
    void shouldOfferAHostPoolOnlyIfItIsUsable() {
        StubPool usable = new StubPool(Availability.usable());
        StubPool missing = new StubPool(Availability.missing("no memory"));
        assertThat(KvConnectors.of(List.of(), List.of(usable)).hostPool()).contains(usable);
        assertThat(KvConnectors.of(List.of(), List.of(missing)).hostPool()).isEmpty();
    }

    @Test
    void shouldNameAProviderThatIsNotThere() throws IOException {
        try (URLClassLoader loader = loaderOf("io.kvlink.spi.Absent")) {
            assertError(KvError.UNAVAILABLE, () -> KvConnectors.load(loader))
                    .hasMessageStartingWith("UNAVAILABLE(5): provider=unloadable; ")
                    .hasMessageContaining("io.kvlink.spi.Absent");
        }
    }

    @Test
    void shouldTakeAProviderThatDoesNotLinkAsUnavailable() throws IOException {
        services("io.kvlink.spi.Unlinkable");
        try (URLClassLoader loader =
                new URLClassLoader(urls(), getClass().getClassLoader()) {
                    @Override
                    protected Class<?> findClass(String name) {
                        throw new NoClassDefFoundError("org/missing/Native");
                    }
                }) {
            assertError(KvError.UNAVAILABLE, () -> KvConnectors.load(loader))
                    .hasMessage("UNAVAILABLE(5): provider=unloadable; org/missing/Native");
        }
    }

    private URLClassLoader loaderOf(String providers) throws IOException {
        services(providers);
        return new URLClassLoader(urls(), getClass().getClassLoader());
    }

    private void services(String providers) throws IOException {
        Path folder = Files.createDirectories(jar.resolve("META-INF/services"));
        Files.writeString(folder.resolve(KvConnectorProvider.class.getName()), providers);
    }

    private URL[] urls() throws IOException {
        return new URL[] {jar.toUri().toURL()};
    }
}
