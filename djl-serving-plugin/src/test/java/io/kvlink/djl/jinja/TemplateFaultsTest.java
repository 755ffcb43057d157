// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that are refused when they are parsed, and renderings that fail. */
class TemplateFaultsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            textBlock =
                    """
                    {% if %}{% endif %}              ! Expected an expression
                    {% if true %}                    ! The innermost block that needs to be closed is 'if'
                    {% endfor %}                     ! unknown tag 'endfor'
                    {% do x %}                       ! unknown tag 'do'
                    {{ 1 | nope }}                   ! No filter named 'nope'
                    {{ list | map('nope') | list }}  ! No filter named 'nope'
                    {{ 1 is nope }}                  ! No test named 'nope'
                    {{ list | select('nope') }}      ! No test named 'nope'
                    {{ list | random }}              ! gives something else each time
                    {{ text.nope() }}                ! no value has a method 'nope'
                    {% include 'a' %}                ! needs other files
                    {% extends 'a' %}                ! needs other files
                    {% from 'a' import b %}          ! needs other files
                    {% break %}                      ! 'break' outside loop
                    {% for x in list %}{% set loop = 1 %}{% endfor %} ! Can't assign to special loop variable
                    {% set true = 1 %}               ! can't assign to 'constant'
                    {% block a %}{% endblock %}{% block a %}{% endblock %} ! block 'a' defined twice
                    {{ (1 }}                         ! unexpected '}'
                    {{ 'a }}                         ! unexpected char
                    {{ f(a=1, a=2) }}                ! keyword argument repeated
                    {% raw %}                        ! Missing end of raw directive
                    {# a                             ! Missing end of comment tag
                    """)
    void shouldRefuseWithNameAndLine(String source, String reason) {
        assertThatThrownBy(() -> Template.parse("first\n" + source))
                .isInstanceOf(TemplateSyntaxException.class)
                .hasMessageStartingWith("line 2: ")
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            textBlock =
                    """
                    {{ nothing.name }}               ! UndefinedError: 'nothing' is undefined
                    {{ dict.b.c }}                   ! UndefinedError: 'dict object' has no attribute 'b'
                    {{ 1 + 'a' }}                    ! TypeError: unsupported operand type(s) for +: 'int' and 'str'
                    {{ 1 < 'a' }}                    ! TypeError: '<' not supported between instances of 'int' and 'str'
                    {{ 1 // 0 }}                     ! ZeroDivisionError
                    {{ list.append(1) }}             ! SecurityError: access to attribute 'append' of 'list' object is unsafe.
                    {{ dict.update({}) }}            ! SecurityError
                    {{ ''.__class__.mro }}           ! SecurityError
                    {{ list | map('upper') }}        ! shown, which Python does with its address
                    {{ text.upper }}                 ! shown, which Python does with its address
                    {{ raise_exception('no') }}      ! raise_exception: no
                    {{ range(100001) }}              ! OverflowError: Range too big
                    {% for a, b in [1] %}{% endfor %} ! cannot unpack non-iterable int object
                    """)
    void shouldFailWithPythonsReason(String source, String reason) {
        assertThatThrownBy(() -> Rendered.of("first\n" + source))
                .isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("line 2: ")
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'x' * 10 ** 9 }}",
                "{{ [0] * 10 ** 9 }}",
                "{{ 2 ** (10 ** 9) }}",
                "{{ '%1000000000d' % 1 }}",
                "{{ '%.1000000000f' % 1 }}",
                "{{ '{:1000000000}'.format(1) }}",
                "{{ '{:.1000000000f}'.format(1.5) }}",
                "{{ 'a'.ljust(10 ** 9) }}",
                "{{ 'a'.zfill(10 ** 9) }}",
                "{{ 'a' | center(10 ** 9) }}",
                "{{ 'a\n\tb' | indent(10 ** 9) }}",
                "{{ '\t'.expandtabs(10 ** 9) }}",
                "{{ [1] | tojson(indent=10 ** 9) }}",
                "{{ [1] | batch(10 ** 9, 0) | list }}",
                "{{ [1] | slice(10 ** 9) | list }}",
                "{{ ('a' * 10 ** 6).replace('a', 'b' * 10 ** 6) }}",
                "{{ ('x' * 10 ** 6).join(['a'] * 10 ** 5) }}",
                "{% set n = namespace(x='x') %}{% for i in range(100) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
                "{% set n = namespace(x=[1]) %}{% for i in range(100) %}{% set n.x = n.x + n.x %}{% endfor %}",
                "{% set n = namespace(x=3) %}{% for i in range(100) %}{% set n.x = n.x * n.x %}{% endfor %}",
                "{% set n = namespace(x=[]) %}{% for i in range(1000) %}{% set n.x = [n.x] %}{% endfor %}",
                "{% set n = namespace() %}{% set n.n = n %}{{ n }}",
                "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
                "{% block b %}{{ self.b() }}{% endblock %}",
                "{% for x in tree recursive %}{{ loop(tree) }}{% endfor %}",
                "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
                "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
                "{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set n.l = n.l + ['x' * 100000] %}{% endfor %}",
                "{% set h = 'a' * 10 ** 7 %}{% for i in range(100000) %}{{ h.count('b') }}{% endfor %}",
                "{% set h = 'a' * 10 ** 6 %}{% for i in range(1000) %}{{ (h ~ 'b') in h ~ h }}{% endfor %}",
                "{{ strftime_now('%1000000000d') }}"
            })
    void shouldStopAtALimit(String source) {
        assertThatThrownBy(() -> Rendered.of(source))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("limit: ");
    }

    @Test
    void shouldRefuseWhatIsNestedTooDeeply() {
        for (String source :
                new String[] {
                    "{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}",
                    "{{ " + "-".repeat(5000) + "1 }}",
                    "{{ " + "not ".repeat(5000) + "1 }}",
                    "{{ x" + ".a".repeat(5000) + " }}",
                    "{{ 1" + " + 1".repeat(5000) + " }}",
                    "{{ x" + " | list".repeat(5000) + " }}",
                    "{{ 1" + " if 1 else 1".repeat(5000) + " }}",
                    "{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}",
                    "{% if 1 %}".repeat(5000),
                    "{% for x in x %}".repeat(5000)
                }) {
            assertThatThrownBy(() -> Template.parse(source))
                    .isInstanceOf(TemplateSyntaxException.class)
                    .hasMessageContaining("nested deeper than");
        }
    }
}
