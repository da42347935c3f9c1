"""What real sentences score: the row without which no other figure means anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from seqgen.metrics.all_scores import Sample, Sentences
from seqgen.metrics.arrays import Floats, Integers
from seqgen.metrics.bleu_family.backward import BackwardBleu
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.sentence_bleu import sentence_bleu, sentence_self_bleu
from seqgen.metrics.bounds import bounded
from seqgen.metrics.diversity import sentence_novel
from seqgen.metrics.labels import Settings
from seqgen.metrics.score import Score, sign
from seqgen.metrics.statistics import bootstrap

REAL = "real data"
"""Name of the row."""

Of = TypeVar("Of")


def drawn(size: int, count: int, seed: int) -> Integers:
    """Return ``count`` of the row numbers below ``size``, or all, in random order.

    The one way in which real sentences are chosen: of one text and seed the first of many are those
    of few.
    """
    return np.random.default_rng(seed).permutation(size)[:count]


def chosen(sentences: Sequence[Of], count: int, seed: int) -> list[Of]:
    """Return ``count`` of the sentences, or all, in the order of ``drawn``."""
    return _chosen(sentences, drawn(len(sentences), count, seed))


@dataclass(frozen=True)
class Real:
    """The sample of real sentences, and in words where it comes from."""

    sample: Sample
    about: str


def from_training(
    training: Sentences,
    references: Sentences,
    rows: int,
    own: int,
    orders: Sequence[int],
    smoothing: Smoothing,
    seed: int,
) -> Real:
    """Return ``rows`` training sentences (``own`` for self-BLEU), or as many as there are, measured
    against the references as a system is."""
    sentences = chosen(training, rows, seed)
    sample = against_all(sentences, chosen(training, own, seed), references, orders, smoothing)
    about = (
        f"real data: {len(sentences)} sentences of the training text, drawn with seed {seed} and "
        f"measured like the hypotheses; novel is that of the {len(references)} references, which "
        "were not trained on"
    )
    return Real(sample, about)


def from_references(
    references: Sentences,
    rows: int,
    own: int,
    orders: Sequence[int],
    smoothing: Smoothing,
    seed: int,
) -> Real | None:
    """Return ``rows`` references, at least 2 and at most all, measured against all the others; None
    where there are fewer than 2.

    N-gram overlap is measured with the references that were not drawn, and left out where these
    are fewer than those that were drawn.
    """
    if len(references) < 2:
        return None
    order = drawn(len(references), len(references), seed)
    count = max(rows, 2)  # one alone would leave no other for its backward BLEU
    taken, rest = np.sort(order[:count]), np.sort(order[count:])
    overlap = _chosen(references, rest) if len(rest) >= len(taken) else None
    sample = Sample(
        _chosen(references, taken),
        chosen(references, own, seed),
        sentence_self_bleu(references, orders, smoothing)[:, taken],
        _backward_without_itself(references, taken, orders, smoothing),
        len(references),
        left_out=True,
        overlap=overlap,
    )
    about = (
        f"real data: {len(taken)} of the references, drawn with seed {seed}, each against all the "
        "other references; where these hold near copies of each other, such as captions of one "
        "picture, this row is too good, and one from a training text is fairer"
    )
    if overlap is None:
        about += "; n-gram overlap has no row here, for too few references are left over"
    return Real(sample, about)


def novel_of_held_out(references: Sentences, training: Sentences, settings: Settings) -> Score:
    """Return the share of the references, which were not trained on, that do not stand word by word
    in the training text: what is copied by chance, such as very short sentences."""
    values = sentence_novel(references, training)
    signed = {"held-out": len(references), "training": len(training)}
    interval = None
    if settings.intervals and len(values) > 1:
        found = bootstrap(values, settings.seed)[0]
        interval = bounded(found, float(values.mean()), len(values))
    signature = sign({**signed, "tokenizer": settings.tokenizer})
    return Score("novel", float(values.mean()), signature, interval)


def against_all(
    sentences: Sentences,
    own: Sentences,
    references: Sentences,
    orders: Sequence[int],
    smoothing: Smoothing,
) -> Sample:
    """Return the sentences as a sample that is measured against all the references."""
    return Sample(
        sentences,
        own,
        sentence_bleu(sentences, references, orders, smoothing),
        BackwardBleu(sentences, references, orders, smoothing),
        len(references),
        overlap=references,
    )


def _backward_without_itself(
    references: Sentences, rows: Integers, orders: Sequence[int], smoothing: Smoothing
) -> Callable[[Integers], Floats]:
    """Return what takes some of the chosen ``rows``, by their places, and gives the BLEU of each
    reference against these references, but never against itself, (orders, references)."""
    drawn = _chosen(references, rows)
    against_drawn = BackwardBleu(drawn, references, orders, smoothing)

    def backward(chosen: Integers) -> Floats:
        values = against_drawn(chosen)
        values[:, rows[chosen]] = sentence_self_bleu(_chosen(drawn, chosen), orders, smoothing)
        return values

    return backward


def _chosen(sentences: Sequence[Of], rows: Integers) -> list[Of]:
    return [sentences[row] for row in rows.tolist()]
