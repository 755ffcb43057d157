# SPDX-License-Identifier: Apache-2.0
"""Jinja2 set up as transformers sets it up for chat templates, with a clock that stands still."""

import datetime
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

# A Wednesday whose day has one digit and whose hour is past noon.
NOW = datetime.datetime(2024, 7, 3, 15, 4, 9, 56789)


class Generation(jinja2.ext.Extension):
    """The tag around an assistant's words: a call block that gives its body back."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_body")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def strftime_now(directives):
    return NOW.strftime(directives)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols],
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = strftime_now
    return made


def loaded(made, source):
    """A template and None, or None and why Python doesn't load it."""
    try:
        return made.from_string(source), None
    except Exception as error:
        return None, {"error": described(error), "when": "load"}


def outcome(made, source, variables):
    """What Python makes of it: {"text": ...}, or {"error": ..., "when": "load" or "render"}."""
    template, fault = loaded(made, source)
    return fault or rendered(template, variables)


def rendered(template, variables):
    try:
        return {"text": template.render(variables)}
    except Exception as error:
        return {"error": described(error), "when": "render"}


def described(error):
    return f"{type(error).__name__}: {error}"
