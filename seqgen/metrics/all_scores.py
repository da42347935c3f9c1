"""All scores of one set of sentences, with their intervals: a row of the table of an evaluation.

All intervals say how far another draw of these sentences would move the score; the references are
held fixed. Means over the sentences are bootstrapped, figures of the whole set (backward BLEU
too, which takes the set as its references) measured on subsets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.arrays import Floats, Integers
from seqgen.metrics.bleu_family.sentence_bleu import sentence_self_bleu
from seqgen.metrics.bleu_family.signatures import bleu_settings, signatures
from seqgen.metrics.bounds import bounded
from seqgen.metrics.diversity import (
    lengths,
    of_order,
    sentence_novel,
    sentence_repetition,
    totals,
)
from seqgen.metrics.labels import Label, Settings, signed
from seqgen.metrics.ngrams import encode, occurrences
from seqgen.metrics.score import Interval, Score
from seqgen.metrics.set_figures import JACCARD, Subset, diversities, overlaps, unique
from seqgen.metrics.statistics import bootstrap, subsampling

Sentences = Sequence[list[str]]


REPETITION = 2


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
    figures = diversities(rows, settings)
    if real:
        figures += overlaps(rows, theirs, len(real), settings)
    figures.append((Label("unique", signed({"hypotheses": rows}, settings)), unique))

    def measure(chosen: Integers) -> list[float]:
        keep = np.zeros(len(text.lengths), bool)
        keep[chosen] = True
        some = Subset([totals(f, keep) for f in found], len(chosen), kinds[chosen])
        return [figure(some) for _, figure in figures]

    return _by_subsets([label for label, _ in figures], measure, rows, settings)


def _of_each_sentence(sample: Sample, settings: Settings) -> list[Score]:
    """Means over the sentences of what each has by itself."""
    rows, counts = len(sample.sentences), {"hypotheses": len(sample.sentences)}
    repeated = sentence_repetition(of_order(sample.sentences, REPETITION), rows)
    labels = [Label(f"repetition-{REPETITION}", signed({"order": REPETITION, **counts}, settings))]
    values = [repeated]
    if sample.training is not None:
        signature = signed({**counts, "training": len(sample.training)}, settings)
        labels.insert(0, Label("novel", signature))
        values.insert(0, sentence_novel(sample.sentences, sample.training))
    labels.append(Label("length-mean", signed(counts, settings), np.inf))
    values.append(np.array([len(sentence) for sentence in sample.sentences], np.float64))
    return _by_rows(labels, np.stack(values), settings)


def _lengths(sample: Sample, settings: Settings) -> list[Score]:
    """How far the lengths spread."""
    signature = signed({"hypotheses": len(sample.sentences)}, settings)
    _, *spread = lengths(sample.sentences)
    return [Score(score.name, score.value, signature) for score in spread]


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
    numbers = bleu_settings(rows, references, settings.smoothing, settings.tokenizer, left_out)
    # Of backward BLEU, a mean over the references, one hypothesis may change more than its share.
    alone = name in ("bleu", "self-bleu")
    return [
        Label(f"{name}-{order}", signature, by_sentence=alone)
        for order, signature in zip(orders, signatures(orders, numbers), strict=True)
    ]
