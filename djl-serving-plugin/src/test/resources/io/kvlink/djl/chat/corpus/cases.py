# SPDX-License-Identifier: Apache-2.0
"""Templates and messages that were rendered wrongly once: (about, template, variables)."""

CASES = [
    (
        "precedence of 'not': binds looser than 'is', '==', 'in' in Python's Ji"
        'nja',
        '{% if not add_generation_prompt is defined %}{% set add_generation_pro'
        'mpt = false %}{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.con'
        'tent }}{% endfor %}{% if add_generation_prompt %}[reply]{% endif %}',
        {'messages': [{'role': 'user', 'content': 'Hi'}]},
    ),
    (
        "precedence of 'not'",
        "{% for m in messages %}{{ m.content }}{% if not m.role == 'user' %}[en"
        'd]{% endif %}{% endfor %}',
        {'messages': [{'role': 'user', 'content': 'q'},
                      {'role': 'assistant', 'content': 'a'},
                      {'role': 'user', 'content': 'r'}]},
    ),
    (
        "precedence of 'not': a refusal of the template is skipped",
        '{% for m in messages %}{% if not m.content|length == 3 %}{{ raise_exce'
        "ption('three letters only') }}{% endif %}{{ m.content }}{% endfor %}",
        {'messages': [{'role': 'user', 'content': 'four'}]},
    ),
    (
        'lstrip_blocks takes spaces before a block only at the beginning of a l'
        'ine',
        '{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}reply'
        ':',
        {'messages': [{'role': 'user', 'content': 'q'},
                      {'role': 'assistant', 'content': 'a'},
                      {'role': 'user', 'content': 'r'}]},
    ),
    (
        "truth of the text 'false'",
        '{% for m in messages %}{% if m.content %}<{{ m.content }}>{% endif %}{'
        '% endfor %}',
        {'messages': [{'role': 'user', 'content': 'Is it true or false?'},
                      {'role': 'assistant', 'content': 'false'},
                      {'role': 'user', 'content': 'why?'}]},
    ),
    (
        "strip/trim take all of Unicode's white space in Python",
        '{% for m in messages %}[{{ m.content | trim }}][{{ m.content.strip() }'
        '}]{% endfor %}',
        {'messages': [{'role': 'user', 'content': '\xa0price\u3000'}]},
    ),
    (
        "'' == false",
        "{% set s = messages[0].content if messages[0].role == 'system' else fa"
        'lse %}{% if s != false %}<sys>{{ s }}</sys>{% endif %}{{ messages[-1].'
        'content }}',
        {'messages': [{'role': 'system', 'content': ''}, {'role': 'user', 'content': 'q'}]},
    ),
    (
        'loop with a condition: refused; it is in the official templates of Mis'
        'tral 7B Instruct v0.3 and Nemo',
        "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
        {'messages': [{'role': 'user', 'content': 'q'},
                      {'role': 'assistant', 'content': 'a'},
                      {'role': 'user', 'content': 'r'}]},
    ),
    (
        'filter items: refused; it is in the official template of Llama 3.1 Ins'
        'truct',
        '{% for m in messages %}{% for k, v in m | items %}{{ k }}={{ v }};{% e'
        'ndfor %}{% endfor %}',
        {'messages': [{'role': 'user', 'content': 'q'}]},
    ),
    (
        'for-else',
        '{% for t in tools or [] %}{{ t }}{% else %}no tools. {% endfor %}{{ me'
        'ssages[0].content }}',
        {'messages': [{'role': 'user', 'content': 'q'}]},
    ),
    (
        'loop.previtem, loop.nextitem',
        '{% for m in messages %}{% if loop.first or loop.previtem.role != m.rol'
        'e %}<{{ m.role }}>{% endif %}{{ m.content }}{% if loop.nextitem is not'
        ' defined %}<last>{% endif %}{% endfor %}',
        {'messages': [{'role': 'user', 'content': 'a'},
                      {'role': 'assistant', 'content': 'b'},
                      {'role': 'assistant', 'content': 'c'},
                      {'role': 'user', 'content': 'd'}]},
    ),
    (
        'and gives its operand',
        "{% set x = messages[0].content and 'given' %}{{ x }}",
        {'messages': [{'role': 'user', 'content': 'q'}]},
    ),
    (
        'slices with an expression: fail at request time',
        '{% for m in messages[:1+1] %}{{ m.content }}{% endfor %}',
        {'messages': [{'role': 'user', 'content': 'a'},
                      {'role': 'assistant', 'content': 'b'},
                      {'role': 'user', 'content': 'c'}]},
    ),
    (
        "'}}' inside an expression's literal",
        "{% set d = {'a': {'b': 'x'}} %}{{ {'a': {'b': 'y'}}.a.b }}{{ messages["
        '0].content }}',
        {'messages': [{'role': 'user', 'content': 'q'}]},
    ),
    (
        "transformers' generation tag: fails at request time",
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{"
        '{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{'
        '% endfor %}',
        {'messages': [{'role': 'user', 'content': 'q'},
                      {'role': 'assistant', 'content': 'a'},
                      {'role': 'user', 'content': 'r'}]},
    ),
    (
        'further arguments of split, replace, endswith are dropped',
        '{{ messages[0].content.split(None, 1)[1] }}|{{ messages[0].content.rep'
        "lace('a', 'A', 1) }}|{{ messages[0].content.endswith(('x', 'c a')) }}",
        {'messages': [{'role': 'user', 'content': 'a b c a'}]},
    ),
    (
        'string methods partition, rsplit, join: fail at request time',
        "{{ messages[0].content.partition('</think>')[2] }}|{{ messages[0].cont"
        "ent.rsplit('</think>', 1)[-1] }}|{{ ', '.join(['x', 'y']) }}",
        {'messages': [{'role': 'user', 'content': 't</think>answer'}]},
    ),
    (
        "arguments '' of a call without parameters mean {} (vLLM #19419)",
        '{% for m in messages %}{% if m.tool_calls is defined %}{% for c in m.t'
        'ool_calls %}{{ c.function.name }}({{ c.function.arguments | tojson }})'
        '{% endfor %}{% else %}{{ m.content }}{% endif %}{% endfor %}',
        {'messages': [{'role': 'user', 'content': 'time?'},
                      {'role': 'assistant',
                       'content': '',
                       'tool_calls': [{'id': 'call00001',
                                       'type': 'function',
                                       'function': {'name': 'clock', 'arguments': {}}}]},
                      {'role': 'tool', 'tool_call_id': 'call00001', 'content': '12:00'},
                      {'role': 'user', 'content': 'thanks'}]},
    ),
    (
        'integers beyond 64 bits lose digits',
        '{% for m in messages %}{% if m.tool_calls is defined %}{% for c in m.t'
        'ool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endif %}'
        '{% endfor %}',
        {'messages': [{'role': 'user', 'content': 'q'},
                      {'role': 'assistant',
                       'content': '',
                       'tool_calls': [{'id': 'call00001',
                                       'type': 'function',
                                       'function': {'name': 'clock',
                                                    'arguments': {'id': 12345678901234567890}}}]},
                      {'role': 'tool', 'tool_call_id': 'call00001', 'content': 'r'},
                      {'role': 'user', 'content': 'x'}]},
    ),
    (
        "a mapping's text is Python's",
        '{{ messages[1].tool_calls[0].function.arguments }}|{{ messages[1].tool'
        '_calls[0].function.arguments | string }}',
        {'messages': [{'role': 'user', 'content': 'q'},
                      {'role': 'assistant',
                       'content': '',
                       'tool_calls': [{'id': 'call00001',
                                       'type': 'function',
                                       'function': {'name': 'clock',
                                                    'arguments': {'a': {'b': True},
                                                                  'c': None}}}]},
                      {'role': 'tool', 'tool_call_id': 'call00001', 'content': 'r'}]},
    ),
    (
        'text times number: fails at request time',
        "{{ '=' * 5 }}{{ messages[0].content }}",
        {'messages': [{'role': 'user', 'content': 'q'}]},
    ),
    (
        'functions are defined',
        "{{ 'yes' if raise_exception is defined else 'no' }}{{ messages[0].cont"
        'ent }}',
        {'messages': [{'role': 'user', 'content': 'q'}]},
    ),
]
