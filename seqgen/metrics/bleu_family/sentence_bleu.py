"""The BLEU of every sentence, as arrays: against shared references, or against all other sentences.

Each equals nltk's ``sentence_bleu``; the means of these arrays are what ``bleu.py`` beside it
returns. Nothing loops over sentences or tokens.
"""

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.arrays import Floats, Integers
from seqgen.metrics.bleu_family.formula import Smoothing, check, combine
from seqgen.metrics.bleu_family.matching import matches_across, matches_within
from seqgen.metrics.ngrams import Encoded, encode
from seqgen.metrics.tokens import Sentence, Tokenizer, tokenize

ORDERS = (2, 3, 4, 5)


def sentence_bleu(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Floats:
    """Return the BLEU of each prediction against all references, (orders, predictions).

    Raises ValueError without predictions or references, for an order below 1 or an unknown
    smoothing or tokenizer.
    """
    both = sentence_bleu_both_ways(predictions, references, orders, smoothing, tokenizer, lowercase)
    return both[0]


def sentence_bleu_both_ways(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> tuple[Floats, Floats]:
    """Return the BLEU of each prediction against all references, (orders, predictions), and of each
    reference against all predictions, (orders, references), for the price of one of the two.

    Raises ValueError as ``sentence_bleu`` does.
    """
    check(orders, smoothing)
    asked = tokenize(predictions, tokenizer, lowercase, at_least=1).sentences
    text = encode(asked + tokenize(references, tokenizer, lowercase, at_least=1).sentences)
    rows = len(asked)
    matches = matches_across(text, rows, max(orders))
    first, rest = text.lengths[:rows], text.lengths[rows:]
    forward = combine(matches[:, :rows], first, closest_lengths(first, rest), orders, smoothing)
    backward = combine(matches[:, rows:], rest, closest_lengths(rest, first), orders, smoothing)
    return forward, backward


def sentence_self_bleu(
    sentences: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Floats:
    """Return the BLEU of each sentence against all the others, (orders, sentences).

    Raises ValueError for fewer than two sentences and as ``sentence_bleu`` does.
    """
    check(orders, smoothing)
    text = encode(tokenize(sentences, tokenizer, lowercase, at_least=2).sentences)
    matches = matches_within(text, max(orders))
    return combine(matches, text.lengths, _closest_other(text), orders, smoothing)


def closest_lengths(lengths: Integers, references: Integers) -> Integers:
    """Return for each length the reference length closest to it, the shorter of two, (rows,)."""
    known = np.unique(references)
    different, place = np.unique(lengths, return_inverse=True)
    return np.array([_nearest(known, length) for length in different])[place]


def _closest_other(text: Encoded) -> Integers:
    """Return for each sentence the length of another one that is closest to its own, (rows,)."""
    known, place, copies = np.unique(text.lengths, return_inverse=True, return_counts=True)
    others = [known[(known != length) | (copies > 1)] for length in known]
    pairs = zip(others, known, strict=True)
    return np.array([_nearest(lengths, length) for lengths, length in pairs])[place]


def _nearest(lengths: Integers, length: int) -> int:
    return int(lengths[np.argmin(np.abs(lengths - length))])  # lengths ascend, the first one wins
