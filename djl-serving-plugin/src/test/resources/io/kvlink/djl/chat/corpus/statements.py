# SPDX-License-Identifier: Apache-2.0
"""Small templates over the variables of WORLD, by what they use. A line of dashes parts them."""

WHITESPACE = """
a {{ 1 }} b
----
a {{- 1 }} b
----
a {{ 1 -}} b
----
a {{- 1 -}} b
----
a {{+ 1 +}} b
----
  {% if true %}
  x
  {% endif %}
y
----
  {%+ if true %}
  x
  {%+ endif %}
y
----
{% if true +%}
x
{% endif +%}
y
----
  {%- if true -%}
  x
  {%- endif -%}
  y
----
x  {% if true %}  y  {% endif %}  z
----
x  {%- if true %}  y  {%- endif %}  z
----
x
  {#- gone -#}
  y
----
x
  {# gone #}
y
----
x {# gone #} y
----
  {#+ gone +#}
y
----
{# {{ nope }} {% bad #}a{# two
lines #}b
----
{# a #}

{# b #}
x
----
{{ 1 }}
{{ 2 }}

{{ 3 }}
----
{{ 1 -}}


{{ 2 }}
----
<TAB>{% if true %}x{% endif %}<TAB>
<TAB>{% if true %}
<TAB>y
<TAB>{% endif %}
----
 <NBSP>{% if true %}x{% endif %}
----
a<NBSP>
  {%- if true %}x{% endif %}
----
a
{%- if true -%}<NBSP>x{% endif %}
----
{% if true %}


x{% endif %}
----
{% raw %}{{ a }} {% if %} {# c #}{% endraw %}
----
  {% raw %}
  a {{ b }}
  {% endraw %}
c
----
a {%- raw -%}  {{ b }}  {%- endraw -%} c
----
{% raw -%}   x   {%- endraw %}y
----
{%raw%}{%endraw%}|{%if true%}a{%endif%}|{{1}}|{{-1}}|{{- 1}}|{{1-}}|{{1 -1}}
----
{{ "}}" }}{{ '%}' }}{% set x = "#}" %}{{ x }}{{ '{{' }}{{ "{%" }}
----
{{ {'a': {'b': 1}} }}{{ {'a': {'b': 1}}.a.b }}
----
{{ {'a': {'b': {'c': 1}}}}}
----
{ { 1 } } {{'{'}} {% if true %}{{% endif %}
----
a % b %} }} #} {
----
{{
  1
  +
  2
}}
----
{% set
   x
   =
   [1,
    2] %}{{ x }}
----
{%- for i in [1,2] %}

{{ i }}

{%- endfor %}

end
----
  {{ 1 }}
{{ 2 }}  
x
----
line<CR><LF>two{% if true %}<CR><LF>x<CR>y{% endif %}<CR><LF>
----
{{ 'a<LF>b' }}|{{ 'a<CR><LF>b' }}
----
trailing

----
{% if true %}x{% endif %}
{% if true %}y{% endif -%}
   
 z
----
{% if true %}a{% else %}b{% endif %}
  {% if no %}
c
  {% else %}
d
  {% endif %}
----
<SP><SP><SP><SP>{% set x = 1 %}<SP><SP>
  {{ x }}
----
{% for i in l -%}
  {{ i }},
{%- endfor %}
----
{% for i in l %}
  {{- i }},
{% endfor %}
----
{% for i in l +%}
  {{ i }}
{%- endfor +%}
.
----
{{ 1 }}{#- c #}   x
----
{{ 1 }}   {#- c -#}   x
----
x<SP><SP>
<SP><SP>{#- c #}
y
----
<VT>{% if true %}x{% endif %}
----
<FF> {% if true %}
x{% endif %}
----
{%- set a = 1 -%}

{%- set b = 2 -%}

{{ a }}{{ b }}
"""

BRANCHES = """
{% if s %}a{% elif n %}b{% else %}c{% endif %}
----
{% if empty %}a{% elif none %}b{% elif l %}c{% else %}d{% endif %}
----
{% if not empty and (no or n > 3) %}a{% endif %}
----
{% if nothing %}a{% else %}b{% endif %}
----
{% if '' %}1{% endif %}{% if 'false' %}2{% endif %}{% if 0.0 %}3{% endif %}{% if [] %}4{% endif %}{% if {} %}5{% endif %}{% if () %}6{% endif %}{% if [0] %}7{% endif %}{% if range(0) %}8{% endif %}{% if namespace() %}9{% endif %}{% if -1 %}a{% endif %}{% if ' ' %}b{% endif %}
----
{% if true %}{% if false %}a{% else %}{% if true %}b{% endif %}{% endif %}{% endif %}
----
{% if d.a is defined and d.a %}{{ d.a }}{% endif %}{% if d.z is defined %}z{% endif %}
----
{% if 1 if false else 2 %}x{% endif %}
----
{% if 'a' in s or 'H' in s %}x{% endif %}
----
{% if s | length > 5 %}long{% endif %}
----
{% if (s | length) > 5 and s[0] == 'H' %}long{% endif %}
----
{% if nothing.x %}a{% endif %}
----
{% if nothing.x is defined %}a{% endif %}
----
{% if none.x %}a{% else %}b{% endif %}
----
{% if none.x.y %}a{% endif %}
----
{% if 1 / 0 %}a{% endif %}
----
{% if false and 1 / 0 %}a{% else %}b{% endif %}
----
{% if true %}
----
{% if %}a{% endif %}
----
{% if true %}a{% else %}b{% else %}c{% endif %}
----
{% endif %}
----
{% if true %}a{% endfor %}
----
{% unknown %}
----
{{ 1
----
{% if true
----
{{ 1 }
----
{{ }}
----
{{ 1 2 }}
----
{{ a b }}
----
{{ 'abc }}
----
{{ [1, 2 }}
----
{{ (1 }}
----
{{ {'a' 1} }}
----
{{ {'a': } }}
----
{{ 1 + }}
----
{{ * 1 }}
----
{{ a. }}
----
{{ a[ }}
----
{{ a[] }}
----
{{ f(a=1, 2) }}
----
{{ f(a=1, a=2) }}
----
{{ x | }}
----
{{ x is }}
----
{{ 1 = 2 }}
----
{{ $ }}
----
{{ a ? b : c }}
----
{{ a && b }}
----
{{ !a }}
----
{{ `a` }}
----
{{ a; b }}
----
{{ not }}
----
{{ 1 if }}
----
{{ 1 not 2 }}
----
{{ lambda x: x }}
----
{# never ends
----
{% raw %} never ends
----
{% endraw %}
----
{{ 'a' 1 }}
----
{{ 1a }}
----
{{ 0777 }}
----
{{ 1__0 }}
----
{{ a.1b }}
----
{{ a.'b' }}
----
{{ a..b }}
----
{{ [1, , 2] }}
----
{{ (,) }}
----
{{ {1, 2} }}
----
{{ **a }}
----
{{ [*l] }}
----
{{ {**d} }}
----
{{ a := 1 }}
----
{{ é }}{{ été }}{% set ñ = 1 %}{{ ñ }}
----
{{ _ }}{{ _a }}{{ __x }}
----
{% set true = 1 %}
----
{% set none = 1 %}{{ none }}
----
{% for true in l %}{% endfor %}
----
{{ self }}
----
{% include 'x' %}
----
{% import 'x' as y %}
----
{% from 'x' import y %}
----
{% extends 'x' %}
----
{% do l.append(1) %}
----
{% trans %}a{% endtrans %}
----
{% autoescape true %}{{ '<' }}{% endautoescape %}
----
{% debug %}
----
{{ 1, 2 }}
----
{{ 1, }}
----
{{ x | default('a', }}
----
{% if true %}a{% elif %}b{% endif %}
----
{% else %}
----
{% break %}
----
{% for i in l %}{{ i }}{% endfor %}{% continue %}
----
{{ "\\" }}
----
{{ '\\x4' }}
----
{{ '\\u12' }}
----
{{ '\\N{NO SUCH THING}' }}
----
{{ 1.e5 }}{{ 1. }}
----
{{ .5 }}
----
{{ 1 .real }}
----
{{ 5.real }}
----
{{ 1e }}
----
{{ 0x }}
----
{{ nested.0.1 }}{{ nested[0].0 }}
----
{{ s.0 }}{{ l.-1 }}
"""

LOOPS = """
{% for i in l %}{{ i }}{% endfor %}
----
{% for i in l %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ loop.depth }}/{{ loop.depth0 }};{% endfor %}
----
{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}
----
{% for i in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}
----
{% for i in l %}{{ loop.cycle('a', 'b') }}{% endfor %}
----
{% for i in l %}{{ loop.cycle() }}{% endfor %}
----
{% for p in people %}{{ loop.changed(p.age) }}{% endfor %}
----
{% for i in [1, 1, 2] %}{% if loop.changed(i, 'x') %}{{ i }}{% endif %}{% endfor %}
----
{% for i in [] %}{{ i }}{% else %}none{% endfor %}
----
{% for i in nothing %}{{ i }}{% else %}none{% endfor %}
----
{% for i in none %}{{ i }}{% endfor %}
----
{% for i in n %}{{ i }}{% endfor %}
----
{% for i in nothing.x %}{{ i }}{% endfor %}
----
{% for c in emo %}[{{ c }}]{% endfor %}
----
{% for k in d %}{{ k }}={{ d[k] }},{% endfor %}
----
{% for k, v in d.items() %}{{ k }}={{ v }}{{ ',' if not loop.last }}{% endfor %}
----
{% for k, v in d | items %}{{ k }}={{ v }};{% endfor %}
----
{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}
----
{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}
----
{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}
----
{% for a, b in [[1]] %}{{ a }}{% endfor %}
----
{% for a, b in ['xy', 'zw'] %}{{ b }}{{ a }}{% endfor %}
----
{% for a, b in l %}{{ a }}{% endfor %}
----
{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}
----
{% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}
----
{% for a, in [[1]] %}{{ a }}{% endfor %}
----
{% for i in l if i > 1 %}{{ i }}:{{ loop.index }}/{{ loop.length }}{{ loop.last }};{% endfor %}
----
{% for i in l if i > 5 %}{{ i }}{% else %}none{% endfor %}
----
{% for i in l if loop.index > 1 %}{{ i }}{% endfor %}
----
{% for p in people if p.boss %}{{ p.name }}-{{ p.boss.name }}{{ ', ' if not loop.last }}{% endfor %}
----
{% for i in (l if yes else words) %}{{ i }}{% endfor %}
----
{% for i in l if yes else words %}{{ i }}{% endfor %}
----
{% for i in l | sort | reverse %}{{ i }}{% endfor %}
----
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
----
{% for i in l %}{% break %}{% else %}e{% endfor %}
----
{% for i in l %}{% continue %}{% else %}e{% endfor %}
----
{% for i in [] %}{% else %}{% for j in l %}{{ j }}{% break %}{% endfor %}{% endfor %}
----
{% for a in nested %}{% for b in a %}{{ loop.index }}{{ b }}{% if loop.first %}{% break %}{% endif %}{% endfor %};{{ loop.index }}{% endfor %}
----
{% for a in [1, 2] %}{% set outer = loop %}{% for b in [1, 2] %}{{ outer.index }}.{{ loop.index }} {% endfor %}{% endfor %}
----
{% for a in [1, 2] %}{% set outer = loop.index %}{% for b in [1, 2] %}{{ outer }}.{{ loop.depth }} {% endfor %}{% endfor %}
----
{% for x in nested recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
----
{% for x in [{'n': 'a', 'c': [{'n': 'b', 'c': [{'n': 'c'}]}]}, {'n': 'd'}] recursive %}{{ loop.depth0 }}{{ x.n }}{% if x.c %}[{{ loop(x.c) }}]{% endif %}{% endfor %}
----
{% for x in nested %}{{ loop(x) }}{% endfor %}
----
{% for x in l if x != 1 recursive %}{{ x }}{% if x == 3 %}<{{ loop([1, 2]) }}>{% endif %}{% endfor %}
----
{% for x in [[1, []], []] recursive %}[{{ loop(x) if x is sequence else x }}]{% else %}E{% endfor %}
----
{% for i in l %}{{ i }}{% endfor %}{{ i }}
----
{% set i = 9 %}{% for i in l %}{{ i }}{% endfor %}{{ i }}
----
{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
----
{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{{ ns.x }} {% endfor %}{{ ns.x }}
----
{% for i in l %}{% set y = i %}{% endfor %}{{ y }}
----
{% for i in l %}{% if loop.first %}{% set y = 'set' %}{% endif %}{{ y }}|{% endfor %}
----
{% for i in l %}{{ y }}{% set y = i %}{{ y }}|{% endfor %}
----
{% set y = 0 %}{% for i in l %}{{ y }}{% set y = i %}{{ y }}|{% endfor %}{{ y }}
----
{% for i in l %}{% for i in words %}{{ i }}{% endfor %}{{ i }} {% endfor %}
----
{% for i in range(3) %}{{ loop.length }}{% endfor %}
----
{% for i in l | map('string') %}{{ loop.index }}{{ loop.last }}{{ loop.length }}{% endfor %}
----
{% for i in l | map('string') %}{{ loop.revindex }}{% endfor %}
----
{% for k in d.keys() %}{{ k }}{% endfor %}{% for v in d.values() %}{{ v }}{% endfor %}
----
{% for x in d.items() %}{{ x }}{{ x[0] }}{{ x.0 }}{% endfor %}
----
{% for b in [1, 2, 3, 4, 5] | batch(2, 'x') %}{{ b }}{{ b | join('-') }};{% endfor %}
----
{% for g in people | groupby('age') %}{{ g.grouper }}:{{ g.list | map(attribute='name') | join(',') }};{% endfor %}
----
{% for age, members in people | groupby('age') %}{{ age }}:{{ members | length }};{% endfor %}
----
{% for i in l %}{{ loop }}{% break %}{% endfor %}
----
{% for i in l %}{{ loop.nope }}{{ loop['index'] }}{{ loop['nope'] is defined }}{% endfor %}
----
{% for i in l[::-1] %}{{ i }}{% endfor %}{% for i in l[1:] %}{{ i }}{% endfor %}
----
{% for i in 'abc' | list %}{{ i }}{% endfor %}{% for i in 'a,b'.split(',') %}{{ i }}{% endfor %}
----
{% for i in range(2) %}{% for j in range(2) %}{{ i }}{{ j }}{{ loop.parent is defined }} {% endfor %}{% endfor %}
----
{% for loop in l %}{{ loop }}{% endfor %}
----
{% for i in l %}{% set loop = 5 %}{{ loop }}{% endfor %}
----
{% for x in [1, 2] %}{% if x is odd %}{{ x }}{% else %}{% for y in [1] %}{{ loop.last }}{% endfor %}{% endif %}{% endfor %}
----
{% for i in l %}{% with j = i * 2 %}{{ j }}{{ loop.index }} {% endwith %}{% endfor %}
----
{% for ns.x in l %}{{ 1 }}{% endfor %}
----
{% for i.x in l %}{{ 1 }}{% endfor %}
----
{% for i l %}{% endfor %}
----
{% for in l %}{% endfor %}
----
{% for i in l %}
----
{% for i in l %}{% else %}{% else %}{% endfor %}
----
{% for i in 1, 2, 3 %}{{ i }}{% endfor %}
----
{% for i in [1, 2], [3] %}{{ i }}{% endfor %}
----
{% for a, b in 'ab', 'cd' %}{{ b }}{{ a }}{% endfor %}
----
{% for m in people %}{% if not loop.first and m.age == loop.previtem.age %}same{% endif %}{{ m.name }}{% if loop.nextitem is defined and loop.nextitem.tags %}>{% endif %}{% endfor %}
----
{% for m in people %}{% if m.boss is not none and m.boss.name == 'Al' %}{% set found = m.name %}{{ found }}{% endif %}{% endfor %}{{ found is defined }}
----
{% for i in range(3) %}{{ cycler('a', 'b').next() }}{% endfor %}{% set c = cycler('a', 'b') %}{% for i in range(3) %}{{ c.next() }}{{ c.current }}{% endfor %}{{ c.reset() }}{{ c.next() }}
----
{% set j = joiner(', ') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}{% set k = joiner() %}{{ k() }}{{ k() }}
----
{% for i in range(3) if not loop %}{{ i }}{% endfor %}
----
{% for _ in range(2) %}x{% endfor %}{% for _, v in d.items() %}{{ v }}{% endfor %}
"""

SCOPES = """
{% set x = 1 %}{{ x }}{% set x = 2 %}{{ x }}
----
{% set a, b = 1, 2 %}{{ a }}{{ b }}
----
{% set a, b = l %}{{ a }}
----
{% set a, b = 'xy' %}{{ a }}{{ b }}
----
{% set (a, b), c = [1, 2], 3 %}{{ a }}{{ b }}{{ c }}
----
{% set x = 1, 2 %}{{ x }}
----
{% set x = 1, %}{{ x }}
----
{% set x %}a{{ n }}b{% endset %}{{ x }}|{{ x is string }}|{{ x | length }}
----
{% set x | upper %}a{{ n }}b{% endset %}{{ x }}
----
{% set x | upper | replace('A', 'z') | trim %} abc {% endset %}[{{ x }}]
----
{% set x | default('k') %}{% endset %}[{{ x }}]
----
{% set x %}
  lines
{% endset %}
[{{ x }}]
----
{% set ns = namespace() %}{% set ns.x %}body{% endset %}{{ ns.x }}
----
{% set ns = namespace(a=1) %}{% set ns.a, ns.b = 2, 3 %}{{ ns.a }}{{ ns.b }}
----
{% set ns = namespace(a=1) %}{{ ns.b is defined }}{{ ns.b }}{{ ns['a'] }}{{ ns.a + 1 }}
----
{% set d.x = 1 %}{{ d.x }}
----
{% set nothing.x = 1 %}
----
{% set l[0] = 1 %}
----
{% set ns = namespace(items=[]) %}{% set ns.items = ns.items + [1] %}{% set ns.items = ns.items + [2] %}{{ ns.items }}
----
{% set ns = namespace({'a': 1}) %}{{ ns.a }}{% set other = ns %}{% set other.a = 5 %}{{ ns.a }}
----
{% if true %}{% set x = 1 %}{% endif %}{{ x }}
----
{% if false %}{% set x = 1 %}{% endif %}{{ x is defined }}{{ x }}
----
{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}
----
{% set x = 1 %}{% if false %}{% set x = 2 %}{% endif %}{{ x }}
----
{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x is defined }}
----
{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ x is defined }}
----
{% set x = 1 %}{% with x = 2, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}
----
{% with x = 1 %}{% with x = x + 1 %}{{ x }}{% endwith %}{{ x }}{% endwith %}
----
{% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}
----
{% set x = 1 %}{% with %}{% set x = 2 %}{% endwith %}{{ x }}
----
{% set n = 1 %}{{ n }}{% set s = s ~ '!' %}{{ s }}
----
{{ n }}{% set n = n + 1 %}{{ n }}
----
{{ x }}{% set x = 1 %}{{ x }}
----
{% for i in [1] %}{{ n }}{% set n = 2 %}{{ n }}{% endfor %}{{ n }}
----
{% for i in [1, 2] %}{% set n = n + 1 %}{{ n }} {% endfor %}{{ n }}
----
{% if no %}{% set n = 1 %}{% endif %}{{ n }}
----
{% if not nothing is defined %}{% set nothing = 'set' %}{% endif %}{{ nothing }}
----
{% if no %}{% set s = 'x' %}{% elif yes %}{% set s = 'y' %}{% endif %}{{ s }}{% if no %}{% set q = 1 %}{% else %}{% set q = 2 %}{% endif %}{{ q }}
----
{% block a %}x{{ n }}{% endblock %}
----
{% set x = 1 %}{% block a %}{{ x }}{% endblock %}
----
{% block a %}{% set x = 1 %}{{ x }}{% endblock %}{{ x is defined }}
----
{% for i in l %}{% block a scoped %}{{ i }}{% endblock %}{% endfor %}
----
{% for i in l %}{% block a %}[{{ i }}]{% endblock %}{% endfor %}
----
{% block a %}1{% endblock a %}{{ self.a() }}
----
{% block a %}1{% endblock b %}
----
{% block a %}1{% endblock %}{% block a %}2{% endblock %}
----
{% block a required %}{% endblock %}
----
{% block a %}{{ super() }}{% endblock %}
----
{% filter upper %}a{{ s }}{% endfilter %}
----
{% filter replace('l', 'L') | upper %}a{{ s }}{% endfilter %}
----
{% filter trim %}   x   {% endfilter %}|
----
{% filter indent(2) %}a
b
{% endfilter %}
----
{% filter upper %}{% set x = 'in' %}{{ x }}{% endfilter %}{{ x is defined }}
----
{% filter nope %}a{% endfilter %}
----
{% filter upper %}a
----
{% filter tojson %}a"b{% endfilter %}
----
{% generation %}a{{ n }}{% endgeneration %}
----
{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x is defined }}
----
{% for i in l %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}
----
{% for i in l %}
  {%- generation %}
  {{ i }}
  {% endgeneration %}
{% endfor %}
----
{% generation %}a{% generation %}b{% endgeneration %}{% endgeneration %}
----
{% generation %}a
----
{% set x = 'a' %}{% generation %}{% set x = 'b' %}{{ x }}{% endgeneration %}{{ x }}
----
{% set ns = namespace(x=1) %}{% generation %}{% set ns.x = 2 %}{% endgeneration %}{{ ns.x }}
----
{% set ns = namespace(x=false) %}{% macro m() %}{% set ns.x = true %}{% endmacro %}{{ m() }}{{ ns.x }}
----
{% set x = 5 %}{% set y = x %}{% set x = 6 %}{{ y }}{{ x }}
----
{% set x = l %}{{ x + [9] }}{{ l }}
----
{% set x = [] %}{{ x.append(1) }}
----
{% set x = {'a': 1} %}{% set x = dict(x, b=2) %}{{ x }}
----
{% set messages = [1] %}{{ messages }}{{ add_generation_prompt }}
----
{% set range = 5 %}{{ range }}
----
{% set raise_exception = 1 %}{{ raise_exception }}
----
{{ n }}{{ namespace }}
----
{% set x.y.z = 1 %}
----
{% set x = %}
----
{% set = 1 %}
----
{% set x = 1
----
{% set x %}a
----
{% set 1 = 2 %}
----
{% set 'a' = 2 %}
----
{% set x = y = 1 %}
----
{% set x = namespace(a=1) %}{% set x.a.b = 1 %}
----
{% set x, x = 1, 2 %}{{ x }}
----
{% set a = b = 1 %}
"""

MACROS = """
{% macro m() %}a{% endmacro %}{{ m() }}{{ m() }}
----
{% macro m(a, b) %}[{{ a }}|{{ b }}]{% endmacro %}{{ m(1, 2) }}{{ m(1) }}{{ m() }}{{ m(b=1) }}
----
{% macro m(a, b=2, c=none) %}[{{ a }}|{{ b }}|{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(1, 2, 3) }}
----
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
----
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, z=2) }}
----
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
----
{% macro m(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ m(1, 2, 3) }}{{ m() }}
----
{% macro m(a) %}{{ a }}{{ kwargs }}{% endmacro %}{{ m(1, z=2, y=3) }}
----
{% macro m() %}{{ varargs | join(',') }}{% for k, v in kwargs.items() %}{{ k }}{{ v }}{% endfor %}{% endmacro %}{{ m(1, 2, x=3) }}
----
{% macro m(a=n) %}{{ a }}{% endmacro %}{{ m() }}{% set n = 1 %}{{ m() }}
----
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}
----
{% macro m(a=1, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(5) }}
----
{% macro m(a, a) %}{% endmacro %}
----
{% macro m(a) %}{{ a }}{{ s }}{% endmacro %}{{ m(1) }}
----
{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}
----
{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}
----
{% macro m() %}{% set x = 5 %}{{ x }}{% endmacro %}{{ m() }}{{ x is defined }}
----
{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
----
{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{% endfor %}{{ m() }}
----
{{ m() }}{% macro m() %}a{% endmacro %}
----
{% macro f(k) %}{{ k }}{% if k > 0 %},{{ f(k - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
----
{% macro tree(x) %}{% if x is mapping %}{ {%- for k, v in x.items() %}{{ k }}:{{ tree(v) }}{{ ',' if not loop.last }}{% endfor -%} }{% elif x is iterable and x is not string %}[{% for v in x %}{{ tree(v) }}{{ ',' if not loop.last }}{% endfor %}]{% else %}{{ x | tojson }}{% endif %}{% endmacro %}{{ tree(deep) }}{{ tree(nested) }}{{ tree(people) }}
----
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{{ n }}{% endcall %}
----
{% macro m(a) %}<{{ a }}>{{ caller(1, 2) }}{{ caller(3, 4) }}{% endmacro %}{% call(x, y) m('t') %}{{ x }}-{{ y }};{% endcall %}
----
{% macro m() %}{{ caller(1) }}{% endmacro %}{% call(a, b='d') m() %}{{ a }}{{ b }}{% endcall %}
----
{% macro m() %}{% if caller %}{{ caller() }}{% else %}no{% endif %}{% endmacro %}{{ m() }}{% call m() %}y{% endcall %}
----
{% macro m() %}a{% endmacro %}{% call m() %}x{% endcall %}
----
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
----
{% macro m() %}{{ caller(1) }}{% endmacro %}{% call m() %}x{% endcall %}
----
{% macro m(caller=none) %}{{ caller }}{% endmacro %}{{ m() }}
----
{% macro m(caller) %}{{ caller }}{% endmacro %}{{ m() }}
----
{% macro outer() %}[{{ caller() }}]{% endmacro %}{% macro inner() %}({{ caller() }}){% endmacro %}{% call outer() %}{% call inner() %}x{% endcall %}{% endcall %}
----
{% macro m() %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) m() %}<{{ i }}>{% endcall %}
----
{% call m() %}x{% endcall %}
----
{% call upper %}x{% endcall %}
----
{% macro m(x) %}{{ x }}{% endmacro %}{{ m(m('a')) }}{{ m('a') ~ 'b' }}{{ m('a') | upper }}{{ m('a') == 'a' }}{{ m('a') is string }}{{ m('abc') | length }}{{ m('abc')[1:] }}
----
{% macro m(x) %}
  {{ x }}
{% endmacro %}
[{{ m(1) }}]
----
{% macro m(x) -%}
  {{ x }}
{%- endmacro %}
[{{ m(1) }}]
----
{% macro m(a, b=1) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{{ m.defaults is defined }}
----
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}{{ m(*'x') }}
----
{% macro m(a, b) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, *[2, 3], **{'z': 4}) }}
----
{% macro m(a) %}{{ a is defined }}{{ a is none }}{% endmacro %}{{ m() }}{{ m(none) }}{{ m(nothing) }}
----
{% macro m(a=nothing) %}{{ a is defined }}{% endmacro %}{{ m() }}
----
{% macro m(a=[]) %}{{ a + [1] }}{% endmacro %}{{ m() }}{{ m() }}
----
{% macro m %}a{% endmacro %}{{ m() }}
----
{% macro m( %}a{% endmacro %}
----
{% macro m() %}a
----
{% macro 1() %}a{% endmacro %}
----
{% macro m(a) %}{% for a in l %}{{ a }}{% endfor %}{{ a }}{% endmacro %}{{ m(9) }}
----
{% macro m() %}{% if true %}{% set q = 1 %}{% endif %}{{ q }}{% endmacro %}{{ m() }}
----
{% macro m() %}{{ raise_exception('in macro') }}{% endmacro %}{% if no %}{{ m() }}{% endif %}ok
----
{% macro m() %}{{ raise_exception('in macro') }}{% endmacro %}{{ m() }}
----
{% macro m() %}x{% endmacro %}{{ [m, m] | length }}{{ m is callable }}{{ m is defined }}{{ (m)() }}
----
{% if true %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}
----
{% set f = range %}{{ f(3) | list }}{% macro m(g) %}{{ g('a') }}{% endmacro %}{% macro h(x) %}<{{ x }}>{% endmacro %}{{ m(h) }}
----
{% macro m(name, kwargs) %}{{ name }}{{ kwargs }}{% endmacro %}{{ m(1, 2) }}
----
{% macro m(varargs=1) %}{{ varargs }}{% endmacro %}{{ m() }}
----
{% macro a() %}{% macro b() %}in{% endmacro %}{{ b() }}{% endmacro %}{{ a() }}{{ b is defined }}
----
{% macro m(x) %}{% generation %}{{ x }}{% endgeneration %}{% endmacro %}{{ m(1) }}
----
{% macro m(x) %}{% set ns = namespace(v=x) %}{% for i in l %}{% set ns.v = ns.v + i %}{% endfor %}{{ ns.v }}{% endmacro %}{{ m(10) + '0' }}
"""

GROUPS = {
    "whitespace": WHITESPACE,
    "branches and faults": BRANCHES,
    "loops": LOOPS,
    "scopes": SCOPES,
    "macros": MACROS,
}

MARKS = {
    "<TAB>": "\t",
    "<NBSP>": "\u00a0",
    "<CR>": "\r",
    "<LF>": "\n",
    "<SP>": " ",
    "<VT>": "\x0b",
    "<FF>": "\x0c",
}


def templates(text):
    """The templates of a group, with what can't be seen put in for its marks."""
    for template in text.strip("\n").split("\n----\n"):
        for mark, meant in MARKS.items():
            template = template.replace(mark, meant)
        yield template
