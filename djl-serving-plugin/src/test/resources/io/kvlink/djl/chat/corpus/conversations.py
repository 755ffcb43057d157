# SPDX-License-Identifier: Apache-2.0
"""Conversations that the long templates are tried with."""


def said(role, content, **more):
    return {"role": role, "content": content, **more}


def user(content, **more):
    return said("user", content, **more)


def bot(content, **more):
    return said("assistant", content, **more)


def system(content):
    return said("system", content)


def result(content, call="call00001", name="weather"):
    return said("tool", content, tool_call_id=call, name=name)


def call(name, arguments, number="call00001"):
    return {
        "id": number,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": 'The weather of a place, "now"\nor later.',
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "Town <and> country"},
                "days": {"type": "integer", "enum": [1, 2, 3], "default": 1},
            },
            "required": ["place"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {}},
    },
}
DOCUMENTS = [
    {"title": "Bees", "text": "Bees make honey."},
    {"title": "\u00dcnits", "text": "\u03c0 is 3.14"},
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
ASKED = [user("Weather in Rome?"), bot(None, tool_calls=[call("weather", {"place": "Rome"})])]
ODD = {"id": 12345678901234567890, "x": 1.0, "t": True, "n": None, "l": [1e22, "\u00fc", {}]}
TWO = [call("weather", {"place": "Rome"}, "call00001"), call("clock", {}, "call00002")]

# name: variables beside the tokens
ALL = {
    "one question": {"messages": [user("Hi there")]},
    "system and turns": {
        "messages": [
            system(" Be kind. "),
            user("Hi {{ 1 + 1 }} {% if %}"),
            bot("Hello.\n"),
            user(" Bye "),
        ]
    },
    "no beginning of an answer": {
        "messages": [user("a"), bot("b")],
        "add_generation_prompt": False,
    },
    "tools": {"messages": [system("s"), user("Weather?")], "tools": [WEATHER, CLOCK]},
    "tools without system": {"messages": [user("Weather?")], "tools": [WEATHER]},
    "call and result": {
        "messages": ASKED + [result('{"t": 21}'), bot("Warm."), user("Thanks")],
        "tools": [WEATHER],
    },
    "two calls": {
        "messages": [
            user("Weather and time?"),
            bot("Let me see.", tool_calls=TWO),
            result("21"),
            result("12:00", "call00002", "clock"),
        ],
        "tools": [WEATHER, CLOCK],
    },
    "odd arguments": {
        "messages": [
            user("a"),
            bot("", tool_calls=[call("f", ODD)]),
            result("r", name="f"),
            bot("b"),
            user("c"),
        ]
    },
    "empty texts": {"messages": [system(""), user(""), bot(""), user("x")]},
    "no text": {"messages": [user("a"), bot(None), user("b")]},
    "texts that look false": {
        "messages": [system("false"), user("0"), bot("None"), user("False")]
    },
    "odd letters": {
        "messages": [
            system("\u00catre \u65e5\u672c"),
            user("\U0001f469\u200d\U0001f467 \u00df \u0130 \u03a3\u0391\u03a3"),
            bot("\U0001f600\u2028x"),
            user("\u00a0y\u3000\n"),
        ]
    },
    "thoughts": {
        "messages": [
            user("a"),
            bot("<think>\nhm\n</think>\n\nb", reasoning_content="hm"),
            user("c"),
            bot("d", reasoning_content=" so\n"),
            user("e"),
        ]
    },
    "no thinking": {
        "messages": [system("s"), user("a")],
        "enable_thinking": False,
        "thinking": False,
    },
    "thoughts and a call": {
        "messages": [
            user("a"),
            bot("", reasoning_content="look", tool_calls=[call("clock", {})]),
            result("12:00", name="clock"),
        ],
        "tools": [CLOCK],
        "enable_thinking": True,
    },
    "out of turn": {"messages": [user("a"), user("b"), bot("c"), user("d")]},
    "documents": {
        "messages": [system("s"), user("honey?")],
        "documents": DOCUMENTS,
    },
    "many turns": {
        "messages": [system("s")]
        + [m for i in range(6) for m in (user(f"question {i}"), bot(f"answer {i}"))]
        + [user("last")]
    },
}


def for_family(name):
    """(about, variables) of each."""
    for about, variables in ALL.items():
        yield f"{name}: {about}", {**TOKENS, **variables}
