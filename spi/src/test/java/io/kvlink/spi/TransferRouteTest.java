// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TransferRouteTest {

    private static final String HEX = "93923d63113b4b338973f24d19d4bf11";
    private static final String RULE =
            "___prefill_addr_10.0.1.2:21001___decode_addr_10.0.1.3:22001_" + HEX;

    @Test
    void shouldFindTheReferencesExample() {
        TransferRoute route = TransferRoute.find("cmpl-" + RULE + "-0", 0).orElseThrow();
        assertThat(route.prefill()).isEqualTo(new HostPort("10.0.1.2", 21001));
        assertThat(route.decode()).isEqualTo(new HostPort("10.0.1.3", 22001));
        assertThat(route.id()).isEqualTo(TransferId.parse(HEX, 0));
        assertThat(route.requestId()).isEqualTo(RULE);
    }

    @Test
    void shouldFindARouteInAnyWrapping() {
        assertThat(TransferRoute.find("chatcmpl-" + RULE, 0)).isPresent();
        assertThat(TransferRoute.find(RULE + "-0-1f2e3d4c", 3).orElseThrow().id().prompt())
                .isEqualTo(3);
        assertThat(TransferRoute.find("x".repeat(4000 - RULE.length()) + RULE, 0)).isPresent();
    }

    @Test
    void shouldFindARouteAtTheStartOfAnEndlessText() {
        assertThat(TransferRoute.find(RULE + "-" + "x".repeat(10_000), 0)).isPresent();
    }

    @Test
    void shouldReadIpv6() {
        String text = "___prefill_addr_[fe80::1%eth0]:1___decode_addr_[::1]:65535_" + HEX;
        TransferRoute route = TransferRoute.find(text, 0).orElseThrow();
        assertThat(route.prefill().host()).isEqualTo("fe80::1%eth0");
        assertThat(route.decode()).isEqualTo(new HostPort("::1", 65535));
        assertThat(route.requestId()).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "cmpl-17", "health", "a:1", "prefill", "___", HEX})
    void shouldTakeTextWithoutARouteAsLocal(String text) {
        assertThat(TransferRoute.find(text, 0)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "___prefill_addr_a:1",
                "___decode_addr_a:1_" + HEX,
                "___prefill_addr_a:1___decode_addr_b:2",
                "___prefill_addr_a:1___decode_addr_b:2_93923d63",
                "___prefill_addr_a:1___decode_addr_b:2_" + HEX + "0",
                "___prefill_addr_a:1___decode_addr_b:2_93923D63113B4B338973F24D19D4BF11",
                "___prefill_addr_a___decode_addr_b:2_" + HEX,
                "___prefill_addr_a:0___decode_addr_b:2_" + HEX,
                "___prefill_addr_a:1___decode_addr_b:65536_" + HEX,
                "___prefill_addr_a:1___decode_addr_b:x_" + HEX,
                "___prefill_addr_a b:1___decode_addr_b:2_" + HEX,
                "___prefill_addr_a:1\n___decode_addr_b:2_" + HEX,
                "__prefill_addr_a:1__decode_addr_b:2_" + HEX,
            })
    void shouldRefuseTextThatLooksLikeARouteAndIsNone(String text) {
        assertError(KvError.BAD_ROUTE, () -> TransferRoute.find("cmpl-" + text, 0))
                .hasMessageStartingWith("BAD_ROUTE(4): ")
                .hasMessageContaining("; ");
    }

    @Test
    void shouldSayWhatWasExpected() {
        assertError(KvError.BAD_ROUTE, () -> TransferRoute.find("x_addr_y", 0))
                .hasMessage(
                        "BAD_ROUTE(4): requestId=x_addr_y; expected"
                                + " ___prefill_addr_HOST:PORT___decode_addr_HOST:PORT_"
                                + "<32 hexadecimal digits>");
    }

    @Property
    void everyRouteSurvivesItsText(
            @ForAll("routes") TransferRoute route, @ForAll("wrappings") String wrapping) {
        String text = wrapping + route.requestId() + "-0" + wrapping;
        assertThat(TransferRoute.find(text, route.id().prompt())).contains(route);
    }

    @Property
    void noTextMakesFindThrowAnythingElse(@ForAll String text) {
        findOrRefuse(text);
    }

    @Property
    void noDamagedRouteMakesFindThrowAnythingElse(
            @ForAll("routes") TransferRoute route,
            @ForAll @IntRange(max = 200) int at,
            @ForAll char with) {
        StringBuilder text = new StringBuilder(route.requestId());
        text.setCharAt(at % text.length(), with);
        findOrRefuse(text.toString());
    }

    private static void findOrRefuse(String text) {
        try {
            boolean present = TransferRoute.find(text, 0).isPresent();
            assertThat(present || !text.contains("_addr_")).isTrue();
        } catch (KvConnectorException refused) {
            assertThat(refused.error()).isEqualTo(KvError.BAD_ROUTE);
        }
    }

    @Provide
    static Arbitrary<TransferRoute> routes() {
        Arbitrary<HostPort> addresses =
                Combinators.combine(hosts(), Arbitraries.integers().between(1, 65535))
                        .as(HostPort::new);
        Arbitrary<TransferId> ids =
                Combinators.combine(
                                Arbitraries.longs(),
                                Arbitraries.longs(),
                                Arbitraries.integers().between(0, 9))
                        .as(TransferId::new);
        return Combinators.combine(addresses, addresses, ids).as(TransferRoute::new);
    }

    @Provide
    static Arbitrary<String> wrappings() {
        return Arbitraries.of("", "cmpl-", "chatcmpl-", "a_b___c-", "0123456789-");
    }

    private static Arbitrary<String> hosts() {
        Arbitrary<String> names =
                Arbitraries.strings().withChars("abcz09.-").ofMinLength(1).ofMaxLength(60);
        Arbitrary<String> ipv6 =
                Arbitraries.strings()
                        .withChars("0123456789abcdef:")
                        .ofMaxLength(38)
                        .map(s -> ":" + s);
        return Arbitraries.oneOf(names, ipv6, Arbitraries.of("10.0.1.2", "::1", "p_1.local"));
    }
}
