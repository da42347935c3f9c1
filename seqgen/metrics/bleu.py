"""BLEU and self-BLEU of sentence lists, as the text-GAN literature measures them.

BLEU-n here is the mean over hypotheses of the sentence BLEU of nltk against one shared set of
references ("BLEU: a Method for Automatic Evaluation of Machine Translation", Papineni et al. 2002),
uniform weights over orders 1..n, scale 0 to 1. It is not corpus BLEU. It grows with the number of
references, self-BLEU with the number of sentences: hence the signature of a Score.

For each n-gram the largest count in one reference is kept; for leave-one-out also which sentence
holds it and the second largest, so a whole corpus against itself costs little more than counting.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seqgen.metrics.ngrams import Counts, Encoded, Integers, count, encode, occurrences
from seqgen.metrics.score import Score, sign
from seqgen.metrics.tokens import Sentence, common_tokenizer, tokenize

Smoothing = Literal["method1", "none"]
Floats = NDArray[np.float64]

ORDERS = (2, 3, 4, 5)
EPSILON = 0.1
"""What method1 puts in the place of zero matches ("A Systematic Comparison of Smoothing Techniques
for Sentence-Level BLEU", Chen and Cherry 2014)."""


def bleu(
    hypotheses: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int = 4,
    smoothing: Smoothing = "method1",
) -> Score:
    """Return the mean sentence BLEU of the hypotheses, each against all references.

    Raises ValueError without hypotheses or references, for an order below 1 or a smoothing other
    than ``method1`` and ``none``.
    """
    return bleu_orders(hypotheses, references, (order,), smoothing)[0]


def bleu_orders(
    hypotheses: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
) -> list[Score]:
    """Return ``bleu`` for each of the orders, for the price of the longest."""
    asked, known = tokenize(hypotheses), tokenize(references)
    values = sentence_bleu(asked.sentences, known.sentences, orders, smoothing).mean(axis=1)
    settings: dict[str, str | int] = {
        "hypotheses": len(hypotheses),
        "references": len(references),
        "smoothing": smoothing,
        "tokenizer": common_tokenizer(asked, known),
        "leave-one-out": "no",
    }
    return _scores("bleu", values, orders, settings)


def self_bleu(
    sentences: Sequence[Sentence], order: int = 4, smoothing: Smoothing = "method1"
) -> Score:
    """Return the mean sentence BLEU of each sentence against all the others: low means diverse.

    A sentence that occurs twice meets its copy ("Texygen: A Benchmarking Platform for Text
    Generation Models", Zhu et al. 2018, arXiv 1802.01886). Raises ValueError for fewer than two
    sentences and as ``bleu`` does.
    """
    return self_bleu_orders(sentences, (order,), smoothing)[0]


def self_bleu_orders(
    sentences: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
) -> list[Score]:
    """Return ``self_bleu`` for each of the orders, for the price of the longest."""
    given = tokenize(sentences)
    values = sentence_self_bleu(given.sentences, orders, smoothing).mean(axis=1)
    settings: dict[str, str | int] = {
        "hypotheses": len(sentences),
        "references": len(sentences) - 1,
        "smoothing": smoothing,
        "tokenizer": given.tokenizer,
        "leave-one-out": "yes",
    }
    return _scores("self-bleu", values, orders, settings)


def sentence_bleu(
    hypotheses: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
) -> Floats:
    """Return the BLEU of each hypothesis against all references, (orders, hypotheses)."""
    _check(orders, smoothing)
    asked = tokenize(hypotheses, at_least=1).sentences
    text = encode(asked + tokenize(references, at_least=1).sentences)
    rows = len(asked)
    lengths, reference_lengths = text.lengths[:rows], text.lengths[rows:]
    closest = {
        length: _closest(np.unique(reference_lengths), length) for length in set(lengths.tolist())
    }
    matches = [_clipped_by_references(c, rows) for c in _counts(text, max(orders))]
    return _combine(np.stack(matches), lengths, closest, orders, smoothing)


def sentence_self_bleu(
    sentences: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
) -> Floats:
    """Return the BLEU of each sentence against all the others, (orders, sentences)."""
    _check(orders, smoothing)
    text = encode(tokenize(sentences, at_least=2).sentences)
    lengths, copies = np.unique(text.lengths, return_counts=True)
    closest = {
        length: _closest(lengths[(lengths != length) | (copies > 1)], length)
        for length in lengths.tolist()
    }
    rows = len(text.lengths)
    matches = [_clipped_by_others(c, rows) for c in _counts(text, max(orders))]
    return _combine(np.stack(matches), text.lengths, closest, orders, smoothing)


def _counts(text: Encoded, longest: int) -> list[Counts]:
    return [count(found, len(text.lengths)) for found in occurrences(text, longest)]


def _clipped_by_references(table: Counts, hypotheses: int) -> Floats:
    """Return how many n-grams each hypothesis shares with the references, clipped, (hypotheses,).

    The first ``hypotheses`` sentences of the table are the hypotheses, the rest the references.
    """
    own = table.rows < hypotheses
    largest = _largest(np.where(own, 0, table.counts), table.starts)
    clipped = np.minimum(table.counts, largest[_group(table)])
    return _sums(table.rows[own], clipped[own], hypotheses)


def _clipped_by_others(table: Counts, sentences: int) -> Floats:
    """Return how many n-grams each sentence shares with the others, clipped, (sentences,)."""
    group = _group(table)
    largest = _largest(table.counts, table.starts)
    holders = np.flatnonzero(table.counts == largest[group])
    holder = holders[np.unique(group[holders], return_index=True)[1]]  # the first of each n-gram
    without = table.counts.copy()
    without[holder] = 0
    limit = largest[group]
    limit[holder] = _largest(without, table.starts)
    return _sums(table.rows, np.minimum(table.counts, limit), sentences)


def _group(table: Counts) -> Integers:
    """Return which n-gram of the table, counted from 0, each entry belongs to."""
    return np.repeat(np.arange(len(table.starts)), np.diff(table.starts, append=len(table.ids)))


def _largest(values: Integers, starts: Integers) -> Integers:
    """Return the maximum of each run; ``reduceat`` refuses an empty array."""
    return np.maximum.reduceat(values, starts) if len(values) else values


def _sums(rows: Integers, values: Integers, sentences: int) -> Floats:
    """Return the sum of the values of each row, (sentences,)."""
    return np.bincount(rows, values, sentences).astype(np.float64)


def _closest(lengths: Integers, length: int) -> int:
    """Return the reference length closest to the hypothesis' length, the shorter of two."""
    return int(lengths[np.argmin(np.abs(lengths - length))])  # lengths ascend, the first one wins


def _combine(
    matches: Floats,
    lengths: Integers,
    closest: dict[int, int],
    orders: Sequence[int],
    smoothing: Smoothing,
) -> Floats:
    """Return brevity penalty times geometric mean of the precisions, (orders, hypotheses).

    ``matches`` (longest order, hypotheses). Without a matching token a sentence scores 0 under any
    smoothing, and an order longer than the sentence counts as one n-gram, as in nltk. Where nltk
    without smoothing gives a number around 1e-78 for a zero precision, this is 0.
    """
    sizes = np.arange(1, len(matches) + 1)[:, None]
    possible = np.maximum(1, lengths - sizes + 1)
    smoothed = np.where(matches == 0, EPSILON, matches) if smoothing == "method1" else matches
    with np.errstate(divide="ignore"):
        logs = np.log(smoothed / possible).cumsum(axis=0)
    reference = np.array([closest[length] for length in lengths.tolist()])
    penalty = np.exp(np.minimum(0.0, 1 - reference / np.maximum(lengths, 1)))
    values = np.stack([penalty * np.exp(logs[order - 1] / order) for order in orders])
    return np.where(matches[0] == 0, 0.0, values)


def _check(orders: Sequence[int], smoothing: str) -> None:
    if not orders or min(orders) < 1:
        raise ValueError(f"orders {list(orders)} given: give one or more, each at least 1")
    if smoothing not in get_args(Smoothing):
        raise ValueError(f"smoothing {smoothing!r} given: it may be {get_args(Smoothing)}")


def _scores(
    name: str, values: Floats, orders: Sequence[int], settings: dict[str, str | int]
) -> list[Score]:
    return [
        Score(f"{name}-{order}", float(value), sign({"order": order, **settings}))
        for order, value in zip(orders, values, strict=True)
    ]
