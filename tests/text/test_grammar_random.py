"""Grammars drawn at random against a plain enumeration of all their derivations."""

import math
import random
from collections import Counter
from itertools import product

import pytest
from grammar_counting import different_sentences

from seqgen.text.grammar import Grammar
from seqgen.text.grammar_file import Rules, read_rules

Found = list[tuple[str, float]]


def draw_text(seed: int) -> str:
    """Write a grammar of two styles and three layers of rules over few words."""
    stream = random.Random(seed)
    letters = "abcdefghijklmnopqrst"[: stream.choice([6, 20])]
    mark = stream.choice(["", "{yes | no} "])  # with it no two styles share a sentence

    def alternative(below: list[str]) -> str:
        parts = []
        for _ in range(stream.randint(1, 3)):
            kind = stream.random()
            if kind < 0.4 and below:
                parts.append(f"<{stream.choice(below)}>")
            elif kind < 0.7:
                left, right = stream.sample(["", *letters, "c d", "f a"], 2)
                parts.append(f"{{{left}|{right}}}")
            else:
                parts.append(stream.choice(letters))
        return " ".join(parts)

    lines = ["styles: x 2 y 1"]
    for name, below in (("s", ["t", "u"]), ("t", ["u"]), ("u", [])):
        first = mark if name == "s" else ""
        lines.append(name)
        lines += [f"  {stream.randint(1, 5)}: {first}{alternative(below)}" for _ in range(3)]
    lines[2] += f" / {mark}<t> <u> z"  # so that no rule is unused
    return "\n".join(lines)


def enumerate_all(rules: Rules, name: str, style: int) -> Found:
    found: Found = []
    for production in rules.rules[name]:
        pieces: list[Found] = [
            enumerate_all(rules, part, style)
            if isinstance(part, str)
            else [(" ".join(part.sides[style]), 1.0)]
            for part in production.parts
        ]
        for combination in product(*pieces):
            text = " ".join(word for word, _ in combination if word)
            mass = math.prod(mass for _, mass in combination)
            found.append((text, production.probability * mass))
    return found


def test_figures_and_ambiguity_equal_those_of_the_enumeration() -> None:
    ambiguous = 0
    for seed in range(400):
        text = draw_text(seed)
        rules = read_rules(text)
        found = [
            (sentence, prior * mass, style)
            for style, prior in enumerate(rules.priors)
            for sentence, mass in enumerate_all(rules, rules.start, style)
        ]
        grammar = Grammar(rules)
        copies = Counter(sentence for sentence, _, _ in found)
        example = grammar.ambiguous_sentence()
        assert grammar.count() == len(found)
        assert different_sentences(grammar) == len(copies)
        if max(copies.values()) > 1:
            ambiguous += 1
            assert example is not None and copies[example] > 1, text
            continue
        assert example is None, text
        entropy = -sum(mass * math.log(mass) for _, mass, _ in found)
        assert grammar.entropy() == pytest.approx(entropy, abs=1e-12)
        for sentence, mass, style in found:
            assert grammar.log_probability(sentence) == pytest.approx(math.log(mass), abs=1e-12)
            assert grammar.style_of(sentence) == rules.styles[style]
    assert 100 < ambiguous < 300  # both kinds were met
