// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.Availability;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class NativeLibrariesTest {

    private static final String ABSENT = "libkvlink-absent.so.9";
    private static final String MATHS = "libm.so.6";

    static final class Maths {
        static native double fabs(double of);
    }

    static final class Unknown {
        static native int kvlinkHasNoSuchFunction();
    }

    @Test
    void shouldBindToTheFirstLibraryThatLoads() {
        Availability bound = NativeLibraries.bind(Maths.class, Stream.of(ABSENT, MATHS));

        assertThat(bound).isEqualTo(Availability.usable());
        assertThat(Maths.fabs(-27)).isEqualTo(27);
    }

    @Test
    void shouldNameTheLibrariesThatAreMissing() {
        Availability bound = NativeLibraries.bind(Maths.class, Stream.of(ABSENT));

        assertThat(bound.ready()).isFalse();
        assertThat(bound.reason()).contains("[libkvlink-absent.so.9]");
    }

    @Test
    void shouldNameTheFunctionThatIsMissing() {
        Availability bound = NativeLibraries.bind(Unknown.class, Stream.of(ABSENT, MATHS));

        assertThat(bound.ready()).isFalse();
        assertThat(bound.reason()).contains("libm.so.6", "kvlinkHasNoSuchFunction");
    }
}
