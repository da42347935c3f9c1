"""Figures that depend on which n-grams and sentences there are in a whole set, of any subset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.arrays import Integers
from seqgen.metrics.diversity import distinct_of, entropy_of, expected_distinct_of
from seqgen.metrics.labels import Label, Settings, signed
from seqgen.metrics.overlap import coverage_of, geometric_mean, jaccard_of

DISTINCT = COVERAGE = (1, 2, 3)
ENTROPY = JACCARD = 4


@dataclass(frozen=True)
class Subset:
    """Some of the sentences: how often each n-gram is in them, by order (kinds,); how many they
    are; which of them are equal."""

    totals: Sequence[Integers]
    rows: int
    kinds: Integers


Figure = tuple[Label, Callable[[Subset], float]]


def diversities(rows: int, settings: Settings) -> list[Figure]:
    """Distinct n-grams and their entropy."""
    ours, words = {"hypotheses": rows}, settings.vocabulary
    figures: list[Figure] = []
    for order in DISTINCT:
        signature = signed({"order": order, **ours}, settings)
        figures.append((Label(f"distinct-{order}", signature, by_sentence=False), _distinct(order)))
    signature = signed({"order": 1, "vocabulary": words, **ours}, settings)
    label = Label("expected-distinct-1", signature, np.inf)
    figures.append((label, lambda some: expected_distinct_of(some.totals[0], words, 1)))
    signature = signed({"order": ENTROPY, **ours}, settings)
    label = Label(f"entropy-{ENTROPY}", signature, np.inf)
    figures.append((label, lambda some: entropy_of(some.totals[ENTROPY - 1])))
    return figures


def overlaps(rows: int, theirs: Sequence[Integers], real: int, settings: Settings) -> list[Figure]:
    """What is shared with ``real`` sentences: ``theirs`` is how often each n-gram is in these, by
    order (kinds,)."""
    both = {"hypotheses": rows, "references": real}

    def jaccard(some: Subset) -> float:
        pairs = zip(some.totals, theirs, strict=True)
        return geometric_mean([jaccard_of(a, b, some.rows, real) for a, b in pairs])

    def label(name: str, order: int) -> Label:
        signature = signed({"order": order, **both}, settings)
        return Label(f"{name}-{order}", signature, by_sentence=False)

    figures: list[Figure] = [(label("ms-jaccard", JACCARD), jaccard)]
    figures += [(label("coverage", order), _coverage(order, theirs)) for order in COVERAGE]
    return figures


def _coverage(order: int, theirs: Sequence[Integers]) -> Callable[[Subset], float]:
    return lambda some: coverage_of(some.totals[order - 1], theirs[order - 1])


def _distinct(order: int) -> Callable[[Subset], float]:
    return lambda some: distinct_of(some.totals[order - 1])


def unique(some: Subset) -> float:
    """Return the share of different sentences."""
    return len(np.unique(some.kinds)) / some.rows
