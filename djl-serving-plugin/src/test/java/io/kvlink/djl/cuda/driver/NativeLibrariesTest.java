// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.cuda.driver.NativeLibraries.Candidate;
import io.kvlink.spi.Availability;
import java.util.List;
import org.junit.jupiter.api.Test;

class NativeLibrariesTest {

    private static final Candidate ABSENT = new Candidate("libkvlink-absent.so.9", false);
    private static final Candidate MATHS = new Candidate("libm.so.6", false);

    static final class Maths {
        static native double fabs(double of);
    }

    static final class Unknown {
        static native int kvlinkHasNoSuchFunction();
    }

    @Test
    void shouldBindToTheFirstLibraryThatLoads() {
        Availability bound = NativeLibraries.bind(Maths.class, List.of(ABSENT, MATHS));

        assertThat(bound).isEqualTo(Availability.usable());
        assertThat(Maths.fabs(-27)).isEqualTo(27);
    }

    @Test
    void shouldNameTheLibrariesThatAreMissing() {
        Availability bound = NativeLibraries.bind(Maths.class, List.of(ABSENT));

        assertThat(bound.ready()).isFalse();
        assertThat(bound.reason()).contains("[libkvlink-absent.so.9]");
    }

    @Test
    void shouldNameTheFunctionThatIsMissing() {
        Availability bound = NativeLibraries.bind(Unknown.class, List.of(ABSENT, MATHS));

        assertThat(bound.ready()).isFalse();
        assertThat(bound.reason()).contains("libm.so.6", "kvlinkHasNoSuchFunction");
    }

    @Test
    void shouldTryLoadedLibrariesBeforeItLoadsOne() {
        assertThat(NativeLibraries.sonames(List.of("a.so.2", "a.so.1")))
                .containsExactly(
                        new Candidate("a.so.2", true),
                        new Candidate("a.so.1", true),
                        new Candidate("a.so.2", false),
                        new Candidate("a.so.1", false));
    }

    @Test
    void shouldNotLoadWhatCountsOnlyIfLoaded() {
        // A system's library that no JVM has loaded.
        Candidate notLoaded = new Candidate("libkvlink-absent.so.9", true);

        assertThat(NativeLibraries.bind(Maths.class, List.of(notLoaded)).reason())
                .contains("no library loads of []");
    }
}
