"""All scores of one set of sentences, with their intervals: a row of the table of an evaluation.

All intervals say how far another draw of these sentences would move the score; the references are
held fixed. Means over the sentences are bootstrapped, figures of the whole set (backward BLEU
too, which takes the set as its references) measured on subsets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqgen.metrics.arrays import Floats, Integers
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.sentence_bleu import sentence_self_bleu
from seqgen.metrics.bleu_family.signatures import bleu_settings, signatures
from seqgen.metrics.bounds import bounded
from seqgen.metrics.diversity import (
    distinct_of,
    entropy_of,
    expected_distinct_of,
    lengths,
    of_order,
    sentence_novel,
    sentence_repetition,
    totals,
)
from seqgen.metrics.ngrams import encode, occurrences
from seqgen.metrics.overlap import coverage_of, geometric_mean, jaccard_of
from seqgen.metrics.score import Interval, Score, sign
from seqgen.metrics.statistics import bootstrap, subsampling

Sentences = Sequence[list[str]]


class Label(NamedTuple):
    """Name and signature of a score, the largest value it can have, and whether one sentence of n
    changes it by 1 / n of that at most."""

    name: str
    signature: str
    most: float = 1.0
    by_sentence: bool = True


DISTINCT = COVERAGE = (1, 2, 3)
ENTROPY = JACCARD = 4
REPETITION = 2


@dataclass(frozen=True)
class Settings:
    """What all rows of a table have in common; ``tokenizer`` is its name in signatures,
    ``vocabulary`` the number of different tokens of the real text."""

    orders: Sequence[int]
    smoothing: Smoothing
    tokenizer: str
    vocabulary: int
    intervals: bool
    seed: int


@dataclass(frozen=True)
class Sample:
    """A set of sentences and what it is compared with.

    ``own`` are the sentences of self-BLEU; ``forward`` (orders, sentences) is the BLEU of each
    sentence, and ``backward`` takes rows and returns the BLEU of each of the ``references`` against
    the sentences of these rows, (orders, references). ``left_out`` says that the sentences are
    references themselves, and none met itself. ``overlap`` are the references of n-gram overlap and
    ``training`` the sentences of novelty; None leaves these scores out.
    """

    sentences: Sentences
    own: Sentences
    forward: Floats
    backward: Callable[[Integers], Floats]
    references: int
    left_out: bool = False
    overlap: Sentences | None = None
    training: Sentences | None = None


def scores(sample: Sample, settings: Settings) -> list[Score]:
    """Return all scores of the sample, in the order in which they are shown."""
    return [
        *_bleu(sample, settings),
        *_self_bleu(sample, settings),
        *_of_the_set(sample, settings),
        *_of_each_sentence(sample, settings),
        *_lengths(sample, settings),
    ]


def _bleu(sample: Sample, settings: Settings) -> list[Score]:
    """BLEU, backward BLEU and the harmonic mean of the two."""
    rows, known = len(sample.sentences), sample.references
    names = (("bleu", known - sample.left_out), ("backward-bleu", known), ("bleu-ha", known))
    labels, back, both = (
        _bleu_labels(name, rows, met, sample.left_out, settings) for name, met in names
    )

    def measure(chosen: Integers) -> Floats:
        forward = sample.forward[:, chosen].mean(axis=1)
        backward = sample.backward(chosen).mean(axis=1)
        total = forward + backward
        harmonic = 2 * forward * backward / np.where(total > 0, total, 1.0)
        return np.concatenate([backward, harmonic])

    return [
        *_by_rows(labels, sample.forward, settings),
        *_by_subsets([*back, *both], measure, rows, settings),
    ]


def _self_bleu(sample: Sample, settings: Settings) -> list[Score]:
    """Self-BLEU; nothing for a single sentence."""
    own, rows = sample.own, len(sample.own)
    if rows < 2:
        return []

    def measure(chosen: Integers) -> Floats:
        some = [own[row] for row in chosen.tolist()]
        values: Floats = sentence_self_bleu(some, settings.orders, settings.smoothing).mean(axis=1)
        return values

    labels = _bleu_labels("self-bleu", rows, rows - 1, True, settings)
    return _by_subsets(labels, measure, rows, settings)


@dataclass(frozen=True)
class _Chosen:
    """Some of the sentences: how often each n-gram is in them, by order (kinds,); how many they
    are; which of them are equal."""

    totals: Sequence[Integers]
    rows: int
    kinds: Integers


def _of_the_set(sample: Sample, settings: Settings) -> list[Score]:
    """What depends on which n-grams and sentences there are in the whole set."""
    rows = len(sample.sentences)
    real = sample.overlap or []
    text = encode([*sample.sentences, *real])
    found = list(occurrences(text, JACCARD))
    theirs = [totals(f, np.arange(len(text.lengths)) >= rows) for f in found]
    numbers: dict[tuple[str, ...], int] = {}
    kinds = np.array([numbers.setdefault(tuple(s), len(numbers)) for s in sample.sentences])
    figures = _diversities(rows, settings)
    if real:
        figures += _overlaps(rows, theirs, len(real), settings)
    figures.append((Label("unique", _sign({"hypotheses": rows}, settings)), _unique))

    def measure(chosen: Integers) -> list[float]:
        keep = np.zeros(len(text.lengths), bool)
        keep[chosen] = True
        some = _Chosen([totals(f, keep) for f in found], len(chosen), kinds[chosen])
        return [figure(some) for _, figure in figures]

    return _by_subsets([label for label, _ in figures], measure, rows, settings)


Figure = tuple[Label, Callable[[_Chosen], float]]


def _diversities(rows: int, settings: Settings) -> list[Figure]:
    ours, words = {"hypotheses": rows}, settings.vocabulary
    figures: list[Figure] = []
    for order in DISTINCT:
        signed = _sign({"order": order, **ours}, settings)
        figures.append((Label(f"distinct-{order}", signed, by_sentence=False), _distinct(order)))
    signed = _sign({"order": 1, "vocabulary": words, **ours}, settings)
    label = Label("expected-distinct-1", signed, np.inf)
    figures.append((label, lambda some: expected_distinct_of(some.totals[0], words, 1)))
    signed = _sign({"order": ENTROPY, **ours}, settings)
    label = Label(f"entropy-{ENTROPY}", signed, np.inf)
    figures.append((label, lambda some: entropy_of(some.totals[ENTROPY - 1])))
    return figures


def _overlaps(rows: int, theirs: Sequence[Integers], real: int, settings: Settings) -> list[Figure]:
    """With ``theirs``, how often each n-gram is in the ``real`` sentences, by order (kinds,)."""
    both = {"hypotheses": rows, "references": real}

    def jaccard(some: _Chosen) -> float:
        pairs = zip(some.totals, theirs, strict=True)
        return geometric_mean([jaccard_of(a, b, some.rows, real) for a, b in pairs])

    def label(name: str, order: int) -> Label:
        signed = _sign({"order": order, **both}, settings)
        return Label(f"{name}-{order}", signed, by_sentence=False)

    figures: list[Figure] = [(label("ms-jaccard", JACCARD), jaccard)]
    figures += [(label("coverage", order), _coverage(order, theirs)) for order in COVERAGE]
    return figures


def _coverage(order: int, theirs: Sequence[Integers]) -> Callable[[_Chosen], float]:
    return lambda some: coverage_of(some.totals[order - 1], theirs[order - 1])


def _distinct(order: int) -> Callable[[_Chosen], float]:
    return lambda some: distinct_of(some.totals[order - 1])


def _unique(some: _Chosen) -> float:
    return len(np.unique(some.kinds)) / some.rows


def _of_each_sentence(sample: Sample, settings: Settings) -> list[Score]:
    """Means over the sentences of what each has by itself."""
    rows, counts = len(sample.sentences), {"hypotheses": len(sample.sentences)}
    repeated = sentence_repetition(of_order(sample.sentences, REPETITION), rows)
    labels = [Label(f"repetition-{REPETITION}", _sign({"order": REPETITION, **counts}, settings))]
    values = [repeated]
    if sample.training is not None:
        signed = _sign({**counts, "training": len(sample.training)}, settings)
        labels.insert(0, Label("novel", signed))
        values.insert(0, sentence_novel(sample.sentences, sample.training))
    labels.append(Label("length-mean", _sign(counts, settings), np.inf))
    values.append(np.array([len(sentence) for sentence in sample.sentences], np.float64))
    return _by_rows(labels, np.stack(values), settings)


def _lengths(sample: Sample, settings: Settings) -> list[Score]:
    """How far the lengths spread."""
    signed = _sign({"hypotheses": len(sample.sentences)}, settings)
    _, *spread = lengths(sample.sentences)
    return [Score(score.name, score.value, signed) for score in spread]


def _by_rows(labels: Sequence[Label], values: Floats, settings: Settings) -> list[Score]:
    """Return the means of values (labels, rows)."""
    intervals: list[Interval] = []
    if settings.intervals and values.shape[1] > 1:
        intervals = bootstrap(values, settings.seed)
    return _scores(labels, values.mean(axis=1), intervals, values.shape[1])


def _by_subsets(
    labels: Sequence[Label],
    measure: Callable[[Integers], Sequence[float] | Floats],
    rows: int,
    settings: Settings,
) -> list[Score]:
    values = [float(value) for value in measure(np.arange(rows))]
    if not settings.intervals or rows < 4:
        return _scores(labels, values, [], rows)
    found = subsampling(measure, rows, values, settings.seed)
    return _scores(labels, values, found, rows)


def _scores(
    labels: Sequence[Label],
    values: Sequence[float] | Floats,
    intervals: Sequence[Interval],
    rows: int,
) -> list[Score]:
    known: Sequence[Interval | None] = intervals or [None] * len(labels)
    return [
        Score(
            label.name,
            float(value),
            label.signature,
            found and bounded(found, value, rows if label.by_sentence else None, label.most),
        )
        for label, value, found in zip(labels, values, known, strict=True)
    ]


def _bleu_labels(
    name: str, rows: int, references: int, left_out: bool, settings: Settings
) -> list[Label]:
    orders = settings.orders
    signed = bleu_settings(rows, references, settings.smoothing, settings.tokenizer, left_out)
    # Of backward BLEU, a mean over the references, one hypothesis may change more than its share.
    alone = name in ("bleu", "self-bleu")
    return [
        Label(f"{name}-{order}", signature, by_sentence=alone)
        for order, signature in zip(orders, signatures(orders, signed), strict=True)
    ]


def _sign(signed: dict[str, int], settings: Settings) -> str:
    return sign({**signed, "tokenizer": settings.tokenizer})
