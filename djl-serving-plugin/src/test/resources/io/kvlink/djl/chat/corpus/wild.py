# SPDX-License-Identifier: Apache-2.0
"""Random small templates over the variables of WORLD. The same seed gives the same ones."""

import random

NAMES = "s empty sp u emo n neg big f one yes no none l mixed words nested d deep people nothing"
# Not none: jinja2 cuts a constant before it runs anything, and makes it undefined.
SLICED = "s empty sp u emo n big f l mixed words nested d deep people nothing"
LITERALS = "0 1 2 -1 3.5 'a' '' 'Hello' 'l' true false none [] [1,2] {'a':1} (1,2) 'a,b'"
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in"]
BINARY += ["and", "or", "and not", "or not", "and", "or", "~", "+"]
FILTERS = "upper lower title trim length first last list string int float abs sort reverse|list join"
FILTERS += " tojson unique|list sum max min capitalize default('x') join(',') replace('l','L') round"
FILTERS += " batch(2)|list slice(2)|list map('string')|list select|list reject('none')|list"
FILTERS += " center(7) indent(2) truncate(4) wordcount items|list dictsort count e d('z',true)"
FILTERS += " select('string')|list map(attribute='name')|list tojson(indent=1) default string|upper"
TESTS = "defined undefined none string number integer float mapping iterable sequence true false"
TESTS += " boolean odd even lower upper callable eq(1) in([1,2]) divisibleby(2) sameas(none) gt(0)"
METHODS = "upper() lower() strip() split() split('l') split('l',1) replace('l','') title() find('o')"
METHODS += " startswith('H') endswith('d') count('l') join(['x','y']) items() keys() values()"
METHODS += " get('a') get('z',1) index(1) rsplit(None,1) partition('o') splitlines() isdigit()"
METHODS += " center(9,'*') zfill(4) capitalize() swapcase() a name x.y nope lstrip('He') format(1)"
SLICES = ["[0]", "[-1]", "[1:]", "[:2]", "[::-1]", "[1:-1]", "['a']", "[n]", "[:neg]", "[::2]"]


class Wild:
    def __init__(self, chance):
        self.chance = chance

    def one(self, words):
        return self.chance.choice(words.split() if isinstance(words, str) else words)

    def atom(self):
        return self.one(NAMES) if self.chance.random() < 0.7 else self.one(LITERALS)

    def expression(self, depth):
        if depth == 0:
            return self.atom()
        kind = self.chance.random()
        inner = self.expression(depth - 1)
        if kind < 0.25:
            return f"{inner} {self.one(BINARY)} {self.expression(depth - 1)}"
        if kind < 0.35:
            return f"({inner} {self.one(BINARY)} {self.expression(depth - 1)})"
        if kind < 0.55:
            return f"{inner} | {self.one(FILTERS)}"
        if kind < 0.63:
            return f"{inner} is {self.one(['', 'not '])}{self.one(TESTS)}"
        if kind < 0.75:
            return f"{self.atom()}.{self.one(METHODS)}"
        if kind < 0.83:
            return f"{self.one(SLICED)}{self.one(SLICES)}"
        if kind < 0.88:
            return f"not {inner}"
        if kind < 0.91:
            return f"-{inner}"
        if kind < 0.96:
            return f"{inner} if {self.expression(depth - 1)} else {self.expression(depth - 1)}"
        return f"[{inner}, {self.atom()}]"

    def space(self, tag):
        return self.one(["", "", "\n", " ", "  \n "]) + tag + self.one(["", "", "\n", " ", "\n "])

    def edges(self, body):
        return "{%" + self.one(["", "", "-", "+"]) + f" {body} " + self.one(["", "", "-"]) + "%}"

    def output(self):
        e = self.expression(self.chance.randint(1, 3))
        return self.one(["{{ %s }}", "{{ %s }}", "{{- %s }}", "{{ %s -}}"]) % e

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.chance.randint(1, 3)))

    def statement(self, depth):
        kind = self.chance.random()
        if depth == 0 or kind < 0.4:
            return self.space(self.output())
        inner = self.body(depth - 1)
        if kind < 0.6:
            condition = self.expression(2)
            other = self.space(self.edges("else")) + self.body(0) if kind < 0.5 else ""
            return self.space(self.edges(f"if {condition}")) + inner + other + self.end("if")
        if kind < 0.8:
            over = self.one(["l", "words", "nested", "people", "d", "mixed", "s", "d.items()"])
            guard = self.one(["", "", "", " if x", " if x is string", " if loop is defined"])
            again = self.one(["{{ x }}", "{{ loop.index }}", "{{ loop.last }}", "{% set y = x %}"])
            start = self.space(self.edges(f"for x in {over}{guard}"))
            return start + again + inner + self.end("for")
        if kind < 0.9:
            return self.space(self.edges(f"set {self.one('s n y d')} = {self.expression(2)}"))
        call = "{{ m%d(%s) }}" % (depth, self.atom())
        start = self.space(self.edges(f"macro m{depth}(s, z={self.atom()})"))
        return start + inner + self.end("macro") + call

    def end(self, name):
        return self.space(self.edges("end" + name))


def templates(seed, number):
    chance = random.Random(seed)
    for _ in range(number):
        wild = Wild(chance)
        yield wild.output() if chance.random() < 0.6 else wild.body(2)
