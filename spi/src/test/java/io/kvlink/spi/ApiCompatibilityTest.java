// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ApiCompatibilityTest {

    private static final String LAST_RELEASE = "0.2.0";

    /** SPI versions of releases, as their providers carry them; 1 before there were versions. */
    private static final Map<String, Integer> VERSIONS = Map.of("0.2.0", 1);

    /** A break is allowed, but then older providers must be refused by their version. */
    @Test
    void shouldRefuseProvidersThatTheSurfaceNoLongerServes() throws IOException {
        List<String> breaks =
                ApiCompatibility.breaks(
                        lines("api/" + LAST_RELEASE + ".txt"), lines("api-surface.txt"));
        if (KvSpi.OLDEST <= VERSIONS.get(LAST_RELEASE)) {
            assertThat(breaks).as("since " + LAST_RELEASE + "; else raise OLDEST").isEmpty();
        } else {
            assertThat(breaks).as("OLDEST was raised for a reason").isNotEmpty();
        }
    }

    @Test
    void shouldAllowWhatIsNew() {
        List<String> before =
                List.of(
                        "public final enum io.kvlink.spi.E",
                        "  constants A, B",
                        "public sealed interface io.kvlink.spi.S permits io.kvlink.spi.S$One");
        List<String> after =
                List.of(
                        "public final enum io.kvlink.spi.E",
                        "  constants A, C, B",
                        "public sealed interface io.kvlink.spi.S permits io.kvlink.spi.S$One,"
                                + " io.kvlink.spi.S$Two",
                        "public final class io.kvlink.spi.New",
                        "  public void go()");
        assertThat(ApiCompatibility.breaks(before, after)).isEmpty();
    }

    @Test
    void shouldAllowADefaultMethodAndNoAbstractOne() {
        List<String> before = List.of("public abstract interface io.kvlink.spi.I");
        List<String> more = List.of(before.get(0), "  public void stop()");
        List<String> asks = List.of(before.get(0), "  public abstract void go()");
        assertThat(ApiCompatibility.breaks(before, more)).isEmpty();
        assertThat(ApiCompatibility.breaks(before, asks))
                .containsExactly("io.kvlink.spi.I asks for  public abstract void go()");
    }

    @Test
    void shouldNameWhatIsGone() {
        List<String> before =
                List.of(
                        "public final class io.kvlink.spi.A",
                        "  public int a()",
                        "public final enum io.kvlink.spi.E",
                        "  constants A, B",
                        "public final class io.kvlink.spi.Z");
        List<String> after =
                List.of(
                        "public final class io.kvlink.spi.A",
                        "  public long a()",
                        "public final enum io.kvlink.spi.E",
                        "  constants A");
        assertThat(ApiCompatibility.breaks(before, after))
                .containsExactly(
                        "io.kvlink.spi.A lacks  public int a()",
                        "io.kvlink.spi.E lacks  constants A, B",
                        "io.kvlink.spi.Z is gone");
    }

    private static List<String> lines(String file) throws IOException {
        return Files.readAllLines(Path.of(System.getProperty("basedir", ".")).resolve(file));
    }
}
