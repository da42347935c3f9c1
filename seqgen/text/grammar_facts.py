"""Exact figures of a grammar by dynamic programming over its rules; no sampling, no enumeration.

A figure of a rule is put together from the figures of the rules it refers to. This works because
no rule leads back to itself. Sentences and derivations are the same thing here only because the
grammar is unambiguous, which grammar_reader proves.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from functools import reduce
from typing import TypeVar

from seqgen.text.grammar_file import Part, Rules

Value = TypeVar("Value")


def derivations(rules: Rules) -> int:
    """Return the number of derivations of one style, the same for every style."""
    known: dict[str, int] = {}
    for name in _from_below(rules):
        known[name] = sum(
            math.prod(known[part] for part in production.parts if isinstance(part, str))
            for production in rules.rules[name]
        )
    return known[rules.start]


def derivation_entropy(rules: Rules) -> float:
    """Return the entropy of the derivations of one style in nats, the same for every style."""
    known: dict[str, float] = {}
    for name in _from_below(rules):
        known[name] = sum(
            production.probability
            * (
                sum(known[part] for part in production.parts if isinstance(part, str))
                - math.log(production.probability)
            )
            for production in rules.rules[name]
        )
    return known[rules.start]


def expected_uses(rules: Rules) -> list[float]:
    """Return how often each production stands in a derivation on average, by its number."""
    rule_uses: dict[str, float] = defaultdict(float, {rules.start: 1.0})
    uses = [0.0] * len(rules.productions)
    for name in reversed(_from_below(rules)):
        for production in rules.rules[name]:
            uses[production.number] = rule_uses[name] * production.probability
            for part in production.parts:
                if isinstance(part, str):
                    rule_uses[part] += uses[production.number]
    return uses


def distribution(
    rules: Rules,
    style: int,
    value: Callable[[str, bool], Value],
    join: Callable[[Value, Value], Value],
    empty: Value,
) -> dict[Value, float]:
    """Return the exact distribution of a value over the sentences of one style.

    value gives the value of a word and of whether it shows the style, join that of two texts
    standing next to each other (it must be associative), empty that of no words.
    """
    known: dict[str, dict[Value, float]] = {}

    def of_part(part: Part) -> dict[Value, float]:
        if isinstance(part, str):
            return known[part]
        return {reduce(join, (value(word, part.styled) for word in part.sides[style]), empty): 1.0}

    for name in _from_below(rules):
        total: dict[Value, float] = defaultdict(float)
        for production in rules.rules[name]:
            text = {empty: production.probability}
            for part in production.parts:
                text = _joined(text, of_part(part), join)
            for one, probability in text.items():
                total[one] += probability
        known[name] = dict(total)
    return known[rules.start]


def _joined(
    left: dict[Value, float], right: dict[Value, float], join: Callable[[Value, Value], Value]
) -> dict[Value, float]:
    both: dict[Value, float] = defaultdict(float)
    for one, first in left.items():
        for other, second in right.items():
            both[join(one, other)] += first * second
    return both


def _from_below(rules: Rules) -> list[str]:
    """Return the rules, each after all those it refers to."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in order:
            return
        for production in rules.rules[name]:
            for part in production.parts:
                if isinstance(part, str):
                    visit(part)
        order[name] = None

    visit(rules.start)
    return list(order)
