// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Output of each construct. The texts are those of Python's jinja2 3.1.6. */
class TemplateTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            textBlock =
                    """
                    {% for x in list %}{{ loop.index }}{{ loop.revindex0 }}{{ x }};{% endfor %}  ! 123;211;302;
                    {% for x in list if x > 1 %}{{ loop.length }}{{ x }}{% endfor %}             ! 2322
                    {% for x in [] %}x{% else %}none{% endfor %}                                 ! none
                    {% for x in [1] %}{% break %}{% else %}e{% endfor %}                         ! e
                    {% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %} ! 32
                    {% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}        ! 123
                    {% for t in tree recursive %}{{ t.n }}{{ loop.depth }}{{ loop(t.c) }}{% endfor %} ! 1122
                    {% for x in list %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 2) }} {% endfor %} ! aTrue bTrue aFalse
                    {% for x in list %}{{ loop.previtem }}{{ loop.nextitem }},{% endfor %}       ! 1,32,1,
                    {% set x = 1 %}{% for y in list %}{% set x = y %}{% endfor %}{{ x }}         ! 1
                    {% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}                ! 2
                    {% set n = namespace(a=1) %}{% for y in list %}{% set n.a = y %}{% endfor %}{{ n.a }} ! 2
                    {% set a, b = 1, 2 %}{{ b }}{{ a }}                                          ! 21
                    {% set x %}a{{ 1 }}{% endset %}{{ x }}{% set y | upper %}b{% endset %}{{ y }} ! a1B
                    {% macro m(a, b='d') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }} ! 12(3,){'k': 4}
                    {% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m.name }}{{ m.arguments }} ! 11m('a', 'b')
                    {% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(x) m() %}c{{ x }}{% endcall %} ! <c1>
                    {% macro m() %}{{ y }}{% endmacro %}{% set y = 5 %}{{ m() }}                 ! 5
                    {% filter upper %}a{{ text }}{% endfilter %}                                 ! AHI THERE
                    {% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}                    ! 12
                    {% block b %}x{{ text }}{% endblock %}{{ self.b() }}                         ! xHi therexHi there
                    {% set q = 7 %}{% block b %}{{ q }}{% set q = 8 %}{% endblock %}{{ q }}      ! 77
                    {% generation %}g{% endgeneration %}{% print 1, 2 %}                         ! g12
                    {% autoescape true %}{{ '<' }}{{ '<' | safe }}{% endautoescape %}{{ '<' }}   ! &lt;<<
                    {% raw %}{{ x }}{% endraw %}{# comment #}.                                   ! {{ x }}.
                    """)
    void shouldRunStatements(String source, String expected) {
        assertThat(Rendered.of(source).strip()).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            textBlock =
                    """
                    {{ not 1 == 2 }}{{ 1 < 2 < 3 }}{{ 1 in list and 4 not in list }}        @ TrueTrueTrue
                    {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }}  @ 64 4 -4 2 3.5
                    {{ 2 + 1 }}{{ '1' ~ 3 * 2 }} {{ 'a' 'b' }} {{ '%s-%05.1f' % ('x', 2.25) }}       @ 316 ab x-002.2
                    {{ 1e16 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 2 ** 70 }} {{ true + 1 }}      @ 1e+16 0.30000000000000004 1e-05 1180591620717411303424 2
                    {{ smile[1] }}{{ smile | length }}{{ smile[::-1] }}{{ list[-2:] }}      @ 😀3b😀a[1, 2]
                    {{ function['items'] }}{{ function.name }}                              @ [1, 2]f
                    {{ (1,) }}{{ {'a': [none, true, "it's"]} }}                             @ (1,){'a': [None, True, "it's"]}
                    {{ 'x' if false }}|{{ nothing }}|{{ nothing is defined }}               @ ||False
                    {{ '' or 'b' }}{{ 'a' and 0 }}{{ [] and 1 }}                            @ b0[]
                    {{ {1: 'a', 1.0: 'b', true: 'c'} }}{{ dict.a }}{{ dict.get('z', 9) }}   @ {1: 'c'}19
                    {{ '{:>5}|{!r}'.format(1, 'b') }}{{ 'a-b'.partition('-') }}             @ 1|'b'('a', '-', 'b')
                    {{ strftime_now('%-d %b %Y %H:%M:%S %j%Z') }}                           @ 3 Jul 2024 15:04:09 185
                    {{ [1, 'é', none] | tojson }}{{ {'a': 1} | tojson(indent=1) | length }} @ [1, "é", null]11
                    {{ list | sort | map('string') | join('-') }}{{ list | sum }}           @ 1-2-36
                    {{ 2.5 | round }}{{ 3.7 | int }}{{ '0x1f' | int(base=16) }}             @ 2.0331
                    {{ 'ΑΣ'.lower() }}{{ 'straße'.upper() }}{{ 'ǆ'.title() }}               @ αςSTRASSEǅ
                    """)
    void shouldEvaluateExpressions(String source, String expected) {
        assertThat(Rendered.of(source).strip()).isEqualTo(expected);
    }

    @Test
    void shouldTakeWhiteSpaceAsTransformersDoes() {
        assertThat(Rendered.of("a\n  {% if true %}\n  b {% endif %}\n\nc  {{- 1 -}}  d\n"))
                .isEqualTo("a\n  b \nc1d");
        assertThat(Rendered.of("a \n {%+ if true %} b{% endif +%}\n c {# x #}\nd"))
                .isEqualTo("a \n  b\n c d");
    }

    @Test
    void shouldRenderConcurrently() throws Exception {
        Template template =
                Template.parse(
                        "{% macro m(x) %}{{ x }}{% endmacro %}{% for i in range(n) %}{{ m(i) }},{% endfor %}");
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<String>> texts = new ArrayList<>();
            for (int n = 0; n < 200; n++) {
                int turns = n;
                texts.add(threads.submit(() -> template.render(Map.of("n", turns), Rendered.NOW)));
            }
            for (int n = 0; n < 200; n++) {
                StringBuilder expected = new StringBuilder();
                for (int i = 0; i < n; i++) {
                    expected.append(i).append(',');
                }
                assertThat(texts.get(n).get(30, TimeUnit.SECONDS)).isEqualTo(expected.toString());
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
