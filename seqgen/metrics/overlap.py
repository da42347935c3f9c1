"""How far the n-grams of generated sentences are those of real ones.

Both depend on how many sentences there are on either side: compare equal numbers, and look at a row
of real data. Two halves of one real text are far from 1.
"""

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.arrays import Integers
from seqgen.metrics.diversity import totals
from seqgen.metrics.ngrams import encode, occurrences
from seqgen.metrics.score import Score, sign
from seqgen.metrics.tokens import Sentence, Tokenizer, common_tokenizer, tokenize


def ms_jaccard(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int = 4,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return MS-Jaccard-N, the likeness of two texts as multisets of n-grams, 0 to 1.

    Every count is divided by the number of sentences of its side; of each order from 1 to N, the
    sum over n-grams of the smaller of the two is divided by that of the larger, and the geometric
    mean over the orders is taken. An order without n-grams on either side counts as 1. "Jointly
    Measuring Diversity and Quality in Text Generation Models", Alihosseini et al. 2019 (arXiv
    1904.03971). Raises ValueError without predictions or references, or for an order below 1.
    """
    left, right, signed = _both(predictions, references, order, tokenizer, lowercase)
    sizes = len(predictions), len(references)
    parts = [jaccard_of(a, b, *sizes) for a, b in zip(left, right, strict=True)]
    return Score(f"ms-jaccard-{order}", geometric_mean(parts), signed)


def coverage(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int = 2,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the share of the references' distinct n-grams that the predictions contain.

    0 where the references have no n-gram. Raises ValueError as ``ms_jaccard`` does.
    """
    left, right, signed = _both(predictions, references, order, tokenizer, lowercase)
    return Score(f"coverage-{order}", coverage_of(left[-1], right[-1]), signed)


def jaccard_of(left: Integers, right: Integers, left_rows: int, right_rows: int) -> float:
    """Return the likeness of two multisets of n-grams of one order, counts (kinds,) each, that come
    from so many sentences."""
    a, b = left / left_rows, right / right_rows
    either = np.maximum(a, b).sum()
    return float(np.minimum(a, b).sum() / either) if either > 0 else 1.0


def coverage_of(left: Integers, right: Integers) -> float:
    """Return the share of the right side's n-grams that the left side has, counts (kinds,) each."""
    wanted = int(np.count_nonzero(right))
    return int(np.count_nonzero((left > 0) & (right > 0))) / max(1, wanted)


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean; 0 as soon as one value is 0."""
    return float(np.exp(np.mean(np.log(values)))) if min(values) > 0 else 0.0


def _both(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int,
    tokenizer: Tokenizer,
    lowercase: bool,
) -> tuple[list[Integers], list[Integers], str]:
    """Return the counts of the n-grams of orders 1 to ``order``, predictions and references, and
    the signature."""
    if order < 1:
        raise ValueError(f"order {order} given: an n-gram has at least 1 token")
    asked = tokenize(predictions, tokenizer, lowercase, at_least=1)
    known = tokenize(references, tokenizer, lowercase, at_least=1)
    text = encode(asked.sentences + known.sentences)
    ours = np.arange(len(text.lengths)) < len(asked.sentences)
    found = list(occurrences(text, order))
    signed = sign(
        {
            "order": order,
            "hypotheses": len(asked.sentences),
            "references": len(known.sentences),
            "tokenizer": common_tokenizer(asked, known),
        }
    )
    return [totals(f, ours) for f in found], [totals(f, ~ours) for f in found], signed
