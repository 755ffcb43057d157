#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes corpus.json beside this file: templates, their variables, and what Python makes of them.

usage: make.py                      writes corpus.json; needs Python's jinja2 only (python3-jinja2)
       make.py random SEED NUMBER   prints so many random ones in the same form

corpus.json:
  variables  named sets of variables
  families   the long templates, by name
  entries    each with "about", "template" or "family", "uses" (a named set) or "variables"; then
             "text", or "error" and "when" (load or render)
Each rendering has "tools" and "documents", none unless given, as transformers' has.
"""

import copy
import json
import sys
import warnings
from pathlib import Path

# Templates that subscript numbers make Python's compiler warn.
warnings.simplefilter("ignore", SyntaxWarning)
sys.dont_write_bytecode = True

import cases
import conversations
import environment
import expressions
import statements
import wild

HERE = Path(__file__).resolve().parent
# What a chat always has.
ALWAYS = {"messages": [], "add_generation_prompt": True, "tools": None, "documents": None}
AT_ONCE = 12


def split(text):
    """Expressions between bars and line ends that stand outside of literals and filters."""
    quote, start, at = "", 0, 0
    while at < len(text):
        c = text[at]
        if quote and c == "\\":
            at += 1
        elif quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c == "\n" or c == "|" and text[at - 1] != " ":
            yield text[start:at]
            start = at + 1
        at += 1
    yield text[start:]


class Maker:
    def __init__(self):
        self.made = environment.environment()
        self.entries = []

    def outcome(self, source, variables):
        """Empty if it depends on Python's memory, or on how jinja2 writes infinity into code."""
        done = environment.outcome(self.made, source, {**ALWAYS, **copy.deepcopy(variables)})
        told = done.get("text", "") + done.get("error", "")
        return {} if " at 0x" in told.lower() or "name 'inf'" in told else done

    def world(self, about, source):
        done = self.outcome(source, expressions.WORLD)
        if done:
            self.entries.append({"about": about, "template": source, "uses": "world", **done})

    def expressions(self, about, found):
        """Those that Python takes go in groups, one a line; each fault has an entry of its own."""
        good = []
        for expression in found:
            done = self.outcome(shown(expression), expressions.WORLD)
            if "text" in done:
                good.append(expression)
            elif done:
                self.world(about, shown(expression))
        for first in range(0, len(good), AT_ONCE):
            self.world(about, "\n".join(map(shown, good[first : first + AT_ONCE])))
            plain = ["{{ " + one + " }}" for one in good[first : first + AT_ONCE]]
            if "text" in self.outcome("|".join(plain), expressions.WORLD):
                self.world(about + ", bare", "|".join(plain))

    def wild(self, seed, number):
        for source in wild.templates(seed, number):
            self.world("random", source)

    def family(self, name, source):
        for about, variables in conversations.for_family(name):
            done = self.outcome(source, variables)
            self.entries.append(
                {"about": about, "family": name, "variables": variables, **done}
            )


def shown(expression):
    """In a list, so that the text tells the type."""
    return "{{ [" + expression + "] }}"


def corpus():
    maker = Maker()
    for about, text in expressions.GROUPS.items():
        maker.expressions(about, dict.fromkeys(split(text)))
    for expression in split(expressions.ALONE):
        maker.world("seldom", shown(expression))
    for about, text in statements.GROUPS.items():
        for source in statements.templates(text):
            maker.world(about, source)
    for about, source, variables in cases.CASES:
        done = maker.outcome(source, variables)
        maker.entries.append(
            {"about": about, "template": source, "variables": variables, **done}
        )
    maker.wild(20260101, 300)
    families = {}
    for file in sorted((HERE / "families").glob("*.jinja")):
        families[file.stem] = file.read_text(encoding="utf-8")
        maker.family(file.stem, families[file.stem])
    return {
        "made by": f"jinja2 {environment.jinja2.__version__}, Python {sys.version.split()[0]}",
        "variables": {"world": expressions.WORLD},
        "families": families,
        "entries": maker.entries,
    }


def written(made):
    """One entry a line, so that a change shows as one."""
    head = {key: value for key, value in made.items() if key != "entries"}
    lines = [json.dumps(head)[:-1] + ',\n"entries": [']
    lines.append(",\n".join(json.dumps(entry) for entry in made["entries"]))
    return "\n".join(lines) + "\n]}\n"


def random_ones(seed, number):
    maker = Maker()
    maker.wild(seed, number)
    return {
        "variables": {"world": expressions.WORLD},
        "families": {},
        "entries": maker.entries,
    }


def main(arguments):
    if arguments[:1] == ["random"]:
        sys.stdout.write(written(random_ones(int(arguments[1]), int(arguments[2]))))
        return
    (HERE / "corpus.json").write_text(written(corpus()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
