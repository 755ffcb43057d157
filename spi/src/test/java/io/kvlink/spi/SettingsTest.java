// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static java.util.Collections.singletonMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SettingsTest {

    @ParameterizedTest
    @ValueSource(strings = {"8e9", "8000000000", " 8E9 ", "8000000000.0", "0.8e10", "+8e9"})
    void shouldReadWholeNumbersFromStrings(String text) {
        assertThat(of("bytes", text).integer("bytes", 1, 0, Long.MAX_VALUE))
                .isEqualTo(8_000_000_000L);
    }

    @Test
    void shouldReadNumbersOfEveryType() {
        assertThat(of("n", 7).integer("n", 1, 0, 9)).isEqualTo(7);
        assertThat(of("n", 7L).integer("n", 1, 0, 9)).isEqualTo(7);
        assertThat(of("n", 7.0).integer("n", 1, 0, 9)).isEqualTo(7);
        assertThat(of("n", "0.5").number("n", 1, 0, 9)).isEqualTo(0.5);
        assertThat(of("n", 0.25f).number("n", 1, 0, 9)).isEqualTo(0.25);
    }

    @Test
    void shouldTakeTheDefaultOfAnAbsentOrNullKey() {
        Settings settings = Settings.of("s", singletonMap("n", null));
        assertThat(settings.integer("n", 5, 0, 9)).isEqualTo(5);
        assertThat(settings.number("x", 0.5, 0, 9)).isEqualTo(0.5);
        assertThat(settings.text("t", "none")).isEqualTo("none");
        assertThat(settings.flag("f", true)).isTrue();
        assertThat(settings.choice("c", List.of("a", "b"), c -> c, "b")).isEqualTo("b");
        assertThat(settings.ignored("i")).isFalse();
    }

    @Test
    void shouldNameKeyValueAndRangeOfAWholeNumber() {
        refuses(
                "s.n=10; expected a whole number from 0 to 9",
                () -> of("n", 10).integer("n", 1, 0, 9));
        refuses(
                "s.n=-1; expected a whole number from 0 to 9",
                () -> of("n", "-1").integer("n", 1, 0, 9));
        refuses(
                "s.n=0.5; expected a whole number from 0 to 9",
                () -> of("n", 0.5).integer("n", 1, 0, 9));
        refuses(
                "s.n=9223372036854775808; expected a whole number from 0 to 9223372036854775807",
                () -> of("n", "9223372036854775808").integer("n", 1, 0, Long.MAX_VALUE));
    }

    @Test
    void shouldNameKeyValueAndRangeOfANumber() {
        refuses(
                "s.n=9.5; expected a number from 0.0 to 9.0",
                () -> of("n", 9.5).number("n", 1, 0, 9));
        refuses(
                "s.n=many; expected a number, such as 8e9 or \"8e9\"",
                () -> of("n", "many").number("n", 1, 0, 9));
        refuses(
                "s.n=NaN; expected a number, such as 8e9 or \"8e9\"",
                () -> of("n", Double.NaN).number("n", 1, 0, 9));
        refuses(
                "s.n=true; expected a number, such as 8e9 or \"8e9\"",
                () -> of("n", true).integer("n", 1, 0, 9));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1e999999999",
                "1e-999999999",
                "1e2147483647",
                "1e99999999999",
                "0e999999999",
                "-1e999999999"
            })
    void shouldRefuseHugeExponentsAtOnce(String text) {
        String message = "s.n=" + text + "; expected a number, such as 8e9 or \"8e9\"";
        assertTimeoutPreemptively(
                Duration.ofSeconds(5),
                () -> {
                    refuses(message, () -> of("n", text).integer("n", 1, 0, 9));
                    refuses(message, () -> of("n", text).number("n", 1, 0, 9));
                });
    }

    @Test
    void shouldReadTexts() {
        assertThat(of("t", "abc").text("t", "")).isEqualTo("abc");
        assertThat(of("t", 17).text("t", "")).isEqualTo("17");
        assertThat(of("t", true).text("t", "")).isEqualTo("true");
        refuses("s.t=[1]; expected a text", () -> of("t", List.of(1)).text("t", ""));
        refuses(
                "s.t is missing; for example \"t\": \"xyz\"",
                () -> of("u", "").requiredText("t", "xyz"));
        refuses(
                "s.t is missing; for example \"t\": \"xyz\"",
                () -> of("t", "").requiredText("t", "xyz"));
    }

    @Test
    void shouldReadFlags() {
        assertThat(of("f", true).flag("f", false)).isTrue();
        assertThat(of("f", "False").flag("f", true)).isFalse();
        refuses("s.f=yes; expected true or false", () -> of("f", "yes").flag("f", true));
    }

    @Test
    void shouldReadChoices() {
        List<String> words = List.of("red", "blue");
        assertThat(of("c", "blue").choice("c", words, w -> w, "red")).isEqualTo("blue");
        refuses(
                "s.c=green; expected one of [red, blue]",
                () -> of("c", "green").choice("c", words, w -> w, "red"));
        refuses(
                "s.c=; expected one of [red, blue]",
                () -> of("d", "").choice("c", words, w -> w, null));
    }

    @Test
    void shouldNameTheSectionInMessages() {
        Map<String, Object> inner = new HashMap<>(singletonMap("pool", null));
        inner.put("size", "big");
        Settings section = of("extra", inner).section("extra");
        assertThat(section.text("pool", "default")).isEqualTo("default");
        refuses(
                "s.extra.size=big; expected a number, such as 8e9 or \"8e9\"",
                () -> section.integer("size", 1, 0, 9));
        refuses("s.extra=7; expected an object", () -> of("extra", 7).section("extra"));
        assertThatNoException().isThrownBy(() -> of("a", 1).section("extra").refuseUnknown());
    }

    @Test
    void shouldNameTheNearestKnownKeyOfAnUnknownOne() {
        Settings settings = of("sendtype", "PUT");
        settings.text("send_type", "PUT");
        settings.text("proxy_ip", "");
        settings.ignored("kv_rank");
        refuses(
                "s.sendtype is no setting; did you mean send_type?"
                        + " Known: [kv_rank, proxy_ip, send_type]",
                settings::refuseUnknown);
    }

    @Test
    void shouldAcceptIgnoredKeys() {
        Settings settings = of("kv_rank", 1);
        assertThat(settings.ignored("kv_rank")).isTrue();
        assertThatNoException().isThrownBy(settings::refuseUnknown);
    }

    @Test
    void shouldNotSeeLaterChangesOfTheMap() {
        Map<String, Object> json = new HashMap<>(Map.of("a", 1));
        Settings settings = Settings.of("s", json);
        json.put("b", 2);
        settings.integer("a", 0, 0, 9);
        assertThatNoException().isThrownBy(settings::refuseUnknown);
    }

    @Property
    void everyLongSurvivesAsNumberAndAsString(@ForAll long value) {
        assertThat(of("n", value).integer("n", 0, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(value);
        assertThat(of("n", "" + value).integer("n", 0, Long.MIN_VALUE, Long.MAX_VALUE))
                .isEqualTo(value);
    }

    @Property
    void anyTextIsANumberOrRefused(@ForAll String text) {
        try {
            long value = of("n", text).integer("n", 1, -100, 100);
            assertThat(value).isBetween(-100L, 100L);
        } catch (KvConnectorException refused) {
            assertThat(refused.error()).isEqualTo(KvError.BAD_CONFIG);
        }
    }

    private static Settings of(String key, Object value) {
        return Settings.of("s", Map.of(key, value));
    }

    private static void refuses(String detail, ThrowingCallable call) {
        assertError(KvError.BAD_CONFIG, call).hasMessage("BAD_CONFIG(1): " + detail);
    }
}
