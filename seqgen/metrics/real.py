"""What real sentences score: the row without which no other figure means anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.measured import Sample, Sentences
from seqgen.metrics.ngrams import Integers
from seqgen.metrics.precision import Floats, Smoothing
from seqgen.metrics.sentence_bleu import sentence_bleu_both_ways, sentence_self_bleu


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
    order = np.random.default_rng(seed).permutation(len(training))
    sentences = _chosen(training, order[:rows])
    forward, backward = sentence_bleu_both_ways(sentences, references, orders, smoothing)
    sample = Sample(
        sentences, _chosen(training, order[:own]), forward, backward, overlap=references
    )
    about = (
        f"real data: {len(sentences)} sentences of the training text, drawn with seed {seed} and "
        "measured like the hypotheses"
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
    order = np.random.default_rng(seed).permutation(len(references))
    count = max(rows, 2)  # one alone would leave no other for its backward BLEU
    chosen, rest = np.sort(order[:count]), np.sort(order[count:])
    forward = sentence_self_bleu(references, orders, smoothing)[:, chosen]
    backward = _backward(references, chosen, rest, orders, smoothing)
    overlap = _chosen(references, rest) if len(rest) >= len(chosen) else None
    sample = Sample(
        _chosen(references, chosen),
        _chosen(references, order[:own]),
        forward,
        backward,
        left_out=True,
        overlap=overlap,
    )
    about = (
        f"real data: {len(chosen)} of the references, drawn with seed {seed}, each against all the "
        "other references; where these hold near copies of each other, such as captions of one "
        "picture, this row is too good, and one from a training text is fairer"
    )
    if overlap is None:
        about += "; n-gram overlap has no row here, for too few references are left over"
    return Real(sample, about)


def _backward(
    references: Sentences,
    chosen: Integers,
    rest: Integers,
    orders: Sequence[int],
    smoothing: Smoothing,
) -> Floats:
    """Return the BLEU of each reference against the chosen others, (orders, references)."""
    drawn = _chosen(references, chosen)
    values = np.empty((len(orders), len(references)))
    values[:, chosen] = sentence_self_bleu(drawn, orders, smoothing)
    if len(rest):
        others = _chosen(references, rest)
        values[:, rest] = sentence_bleu_both_ways(others, drawn, orders, smoothing)[0]
    return values


def _chosen(sentences: Sentences, rows: Integers) -> list[list[str]]:
    return [sentences[row] for row in rows.tolist()]
