"""All scores of one set of sentences, with their intervals: a row of the table of an evaluation.

All intervals say how far another draw of these sentences would move the score; the references are
held fixed. Means over the sentences are bootstrapped, figures of the whole set (backward BLEU
too, which takes the set as its references) measured on subsets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.bleu_family.formula import Floats, Smoothing
from seqgen.metrics.bleu_family.sentence_bleu import sentence_self_bleu
from seqgen.metrics.bleu_family.signatures import bleu_settings, signatures
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
from seqgen.metrics.ngrams import Integers, encode, occurrences
from seqgen.metrics.overlap import coverage_of, geometric_mean, jaccard_of
from seqgen.metrics.score import Interval, Score, sign
from seqgen.metrics.statistics import bootstrap, subsampling

Sentences = Sequence[list[str]]
Label = tuple[str, str]
"""Name and signature of a score."""

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


def _of_the_set(sample: Sample, settings: Settings) -> list[Score]:
    """What depends on which n-grams and sentences there are in the whole set."""
    rows = len(sample.sentences)
    real = sample.overlap or []
    text = encode([*sample.sentences, *real])
    found = list(occurrences(text, JACCARD))
    theirs = [totals(f, np.arange(len(text.lengths)) >= rows) for f in found]
    numbers: dict[tuple[str, ...], int] = {}
    kinds = np.array([numbers.setdefault(tuple(s), len(numbers)) for s in sample.sentences])

    def measure(chosen: Integers) -> list[float]:
        keep = np.zeros(len(text.lengths), bool)
        keep[chosen] = True
        ours = [totals(f, keep) for f in found]
        pairs = list(zip(ours, theirs, strict=True)) if real else []
        likeness = [jaccard_of(a, b, len(chosen), len(real)) for a, b in pairs]
        return [
            *(distinct_of(ours[order - 1]) for order in DISTINCT),
            expected_distinct_of(ours[0], settings.vocabulary, 1),
            entropy_of(ours[ENTROPY - 1]),
            *([geometric_mean(likeness)] if real else []),
            *(coverage_of(*pairs[order - 1]) for order in COVERAGE if real),
            len(np.unique(kinds[chosen])) / len(chosen),
        ]

    return _by_subsets(_set_labels(rows, len(real), settings), measure, rows, settings)


def _of_each_sentence(sample: Sample, settings: Settings) -> list[Score]:
    """Means over the sentences of what each has by itself."""
    rows, counts = len(sample.sentences), {"hypotheses": len(sample.sentences)}
    repeated = sentence_repetition(of_order(sample.sentences, REPETITION), rows)
    labels = [(f"repetition-{REPETITION}", _sign({"order": REPETITION, **counts}, settings))]
    values = [repeated]
    if sample.training is not None:
        labels.insert(0, ("novel", _sign({**counts, "training": len(sample.training)}, settings)))
        values.insert(0, sentence_novel(sample.sentences, sample.training))
    labels.append(("length-mean", _sign(counts, settings)))
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
    return _scores(labels, values.mean(axis=1), intervals)


def _by_subsets(
    labels: Sequence[Label],
    measure: Callable[[Integers], Sequence[float] | Floats],
    rows: int,
    settings: Settings,
) -> list[Score]:
    values = [float(value) for value in measure(np.arange(rows))]
    if not settings.intervals or rows < 4:
        return _scores(labels, values, [])
    return _scores(labels, values, subsampling(measure, rows, values, settings.seed))


def _scores(
    labels: Sequence[Label], values: Sequence[float] | Floats, intervals: Sequence[Interval]
) -> list[Score]:
    known: Sequence[Interval | None] = intervals or [None] * len(labels)
    return [
        Score(name, float(value), signature, interval)
        for (name, signature), value, interval in zip(labels, values, known, strict=True)
    ]


def _bleu_labels(
    name: str, rows: int, references: int, left_out: bool, settings: Settings
) -> list[Label]:
    orders = settings.orders
    signed = bleu_settings(rows, references, settings.smoothing, settings.tokenizer, left_out)
    names = [f"{name}-{order}" for order in orders]
    return list(zip(names, signatures(orders, signed), strict=True))


def _set_labels(rows: int, references: int, settings: Settings) -> list[Label]:
    ours = {"hypotheses": rows}
    both = {"hypotheses": rows, "references": references}
    vocabulary = {"order": 1, "vocabulary": settings.vocabulary}
    overlap = [("ms-jaccard", JACCARD), *(("coverage", order) for order in COVERAGE)]
    return [
        *((f"distinct-{n}", _sign({"order": n, **ours}, settings)) for n in DISTINCT),
        ("expected-distinct-1", _sign({**vocabulary, **ours}, settings)),
        (f"entropy-{ENTROPY}", _sign({"order": ENTROPY, **ours}, settings)),
        *((f"{a}-{n}", _sign({"order": n, **both}, settings)) for a, n in overlap if references),
        ("unique", _sign(ours, settings)),
    ]


def _sign(signed: dict[str, int], settings: Settings) -> str:
    return sign({**signed, "tokenizer": settings.tokenizer})
