// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HostPortTest {

    @ParameterizedTest
    @ValueSource(strings = {"a:1", "10.0.0.1:65535", "[::1]:80", "[fe80::1%eth0]:14579", "n_1.x:9"})
    void shouldPrintWhatItParsed(String text) {
        assertThat(HostPort.parse(text)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                "a",
                "a:",
                ":1",
                "a:x",
                "a:-1",
                "a:0",
                "a:65536",
                "a:123456",
                "[]:1",
                "[::1:1",
                "a b:1",
                "a/b:1",
                "a:\u0661"
            })
    void shouldRefuse(String text) {
        assertError(KvError.BAD_ROUTE, () -> HostPort.parse(text))
                .hasMessageStartingWith("BAD_ROUTE(4): ");
    }

    @Test
    void shouldSayWhatWasExpected() {
        assertError(KvError.BAD_ROUTE, () -> HostPort.parse("nohost"))
                .hasMessage("BAD_ROUTE(4): address=nohost; expected host:port");
        assertError(KvError.BAD_ROUTE, () -> HostPort.parse("h:8x"))
                .hasMessage("BAD_ROUTE(4): address=h:8x; the port is no number");
        assertError(KvError.BAD_ROUTE, () -> new HostPort("h", 70000))
                .hasMessage("BAD_ROUTE(4): port=70000; expected 1..65535");
        assertError(KvError.BAD_ROUTE, () -> new HostPort("a b", 7))
                .hasMessage("BAD_ROUTE(4): host=a b; expected a host name or an IP address");
    }

    @Property
    void anyTextIsAnAddressOrRefused(@ForAll String text) {
        try {
            HostPort address = HostPort.parse(text);
            assertThat(HostPort.parse(address.toString())).isEqualTo(address);
        } catch (KvConnectorException refused) {
            assertThat(refused.error()).isEqualTo(KvError.BAD_ROUTE);
        }
    }
}
