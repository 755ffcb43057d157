// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JinjaDialectTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            textBlock =
                    """
                    {{ f(a=b - 1, c) }}              ! {{ f(a=(b - 1), c) }}
                    {{ f(a, b = g(c=1)) }}           ! {{ f(a, b =( g(c=(1)))) }}
                    {% if f(a == b) %}               ! {% if f(a == b) %}
                    {{ f(a=[1, 2], b={'c': d(e=1)}) }} ! {{ f(a=([1, 2]), b=({'c': d(e=(1))})) }}
                    {%- macro f(a, b=1) -%}          ! {%- macro f(a, b=1) -%}
                    {% set a = 1 %}{{ (a) }}         ! {% set a = 1 %}{{ (a) }}
                    {{ x[::-1][0] }}{{ x[1:] }}      ! {{ x.kvlink_reversed()[0] }}{{ x[1:] }}
                    {{ 'f(a=1)[::-1]' ~ "it's(b=2)" }} ! {{ 'f(a=1)[::-1]' ~ "it's(b=2)" }}
                    f(a=1)[::-1]{# f(a=1) #}         ! f(a=1)[::-1]{# f(a=1) #}
                    """)
    void shouldRewriteArgumentsAndReversals(String source, String expected) {
        assertThat(JinjaDialect.translate(source).source()).isEqualTo(expected);
    }

    @Test
    void shouldNameFiltersAndTests() {
        JinjaDialect.Translated translated =
                JinjaDialect.translate(
                        "{{ a|trim | join(b|first) }}{% if a is not none and this is defined %}"
                                + "{{ 'x|y is z' }}{% endif %} c|d is e");
        assertThat(translated.filters()).containsExactly("first", "join", "trim");
        assertThat(translated.tests()).containsExactly("defined", "none");
    }

    @Property
    void whatHasNoTagStays(@ForAll String text) {
        String plain = text.replace("{", "");
        assertThat(JinjaDialect.translate(plain).source()).isEqualTo(plain);
    }

    @Property(tries = 3000)
    void noTextMakesItThrowOrLoseAnything(@ForAll("almostTemplates") String text) {
        String kept = JinjaDialect.translate(text).source().replace("(", "").replace(")", "");
        assertThat(kept.replace(".kvlink_reversed", "[::-1]"))
                .isEqualTo(text.replace("(", "").replace(")", ""));
    }

    @Provide
    Arbitrary<String> almostTemplates() {
        return Arbitraries.of(
                        "{{", "}}", "{%", "%}", "{#", "#}", "(", ")", "[", "]", "{", "}", ",", "=",
                        "==", "'", "\"", "\\", "|", " is ", "not ", "a", "b1", " ", "[::-1]",
                        "macro ", "-")
                .list()
                .ofMaxSize(20)
                .map(JinjaDialectTest::join);
    }

    private static String join(List<String> parts) {
        return String.join("", parts);
    }
}
