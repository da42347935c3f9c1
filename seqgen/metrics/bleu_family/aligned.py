"""Sentence BLEU row by row: prediction i against its own references and no others.

The form of style transfer. References are streams, as sacrebleu and its command take them: one list
(one file) per reference, each with one sentence a prediction, so ``references[k][i]`` is reference
k of prediction i. nltk takes the transposed form. For one reference set that all predictions share
see ``seqgen.metrics.bleu_family.bleu``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.arrays import Floats, Integers
from seqgen.metrics.bleu_family.formula import Smoothing, check, combine
from seqgen.metrics.bleu_family.signatures import bleu_settings, signed_orders
from seqgen.metrics.ngrams import Counts, count, encode, occurrences
from seqgen.metrics.score import Score
from seqgen.metrics.tokens import Sentence, Tokenizer, tokenize


def aligned_bleu_orders(
    predictions: Sequence[Sentence],
    references: Sequence[Sequence[Sentence]],
    orders: Sequence[int] = (4,),
    smoothing: Smoothing = "none",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> list[Score]:
    """Return the mean over the rows of ``sentence_aligned_bleu`` for each order, 0 to 1.

    Without smoothing this is what the evaluator of "Style Transformer: Unpaired Text Style Transfer
    without Disentangled Latent Representation" reports, times 100 (Dai et al. 2019, arXiv
    1905.05621). Raises what ``sentence_aligned_bleu`` raises.
    """
    values = sentence_aligned_bleu(
        predictions, references, orders, smoothing, tokenizer, lowercase
    ).mean(axis=1)
    settings = aligned_settings(predictions, references, smoothing, tokenizer, lowercase)
    return signed_orders("aligned-bleu", values.tolist(), orders, settings)


def aligned_settings(
    predictions: Sequence[Sentence],
    references: Sequence[Sequence[Sentence]],
    smoothing: Smoothing,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> dict[str, str | int]:
    """Return what a signature of row by row BLEU says, the order aside."""
    firsts = [sentences[0] for sentences in (predictions, *references)]
    known = tokenize(firsts, tokenizer, lowercase).tokenizer
    return bleu_settings(
        len(predictions), f"{len(references)} aligned", smoothing, known, left_out=None
    )


def sentence_aligned_bleu(
    predictions: Sequence[Sentence],
    references: Sequence[Sequence[Sentence]],
    orders: Sequence[int] = (4,),
    smoothing: Smoothing = "none",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Floats:
    """Return nltk's sentence BLEU of each row against its references, (orders, rows), 0 to 1.

    Where nltk without smoothing gives a number around 1e-78 for a zero precision, this is 0. Raises
    ValueError without rows or references, for a stream of another length than the predictions, an
    order below 1, an unknown smoothing or tokenizer; TypeError for one list of sentences in the
    place of streams.
    """
    check(orders, smoothing)
    check_streams(predictions, references)
    together = [sentence for stream in (predictions, *references) for sentence in stream]
    text = encode(tokenize(together, tokenizer, lowercase, at_least=2).sentences)
    rows = len(predictions)
    found = occurrences(text, max(orders))
    matches = np.stack([_clipped(count(o, len(text.lengths)), rows) for o in found])
    lengths = text.lengths.reshape(-1, rows)
    return combine(matches, lengths[0], _closest(lengths), orders, smoothing)


def check_streams(predictions: Sequence[object], references: Sequence[Sequence[object]]) -> None:
    """Raise ValueError unless every stream of references has one sentence a prediction, and
    TypeError for one flat list of sentences in the place of streams."""
    if isinstance(references, str) or any(isinstance(stream, str) for stream in references):
        raise TypeError(
            "one list of sentences given as references: give a list of streams, each with one "
            "sentence a prediction ([references] for a single one)"
        )
    if isinstance(predictions, str):
        raise TypeError(f"one string given ({predictions[:40]!r}): give a list of sentences")
    if not predictions:
        raise ValueError("no predictions given: at least 1 is needed")
    if not references:
        raise ValueError("no references given: give one stream or more, a sentence a prediction")
    for number, stream in enumerate(references):
        if len(stream) != len(predictions):
            raise ValueError(
                f"{len(predictions)} predictions, but {len(stream)} sentences in reference stream "
                f"{number}: row i of every stream is a reference of prediction i (for a set of "
                "references that all predictions share, use bleu)"
            )


def _clipped(table: Counts, rows: int) -> Floats:
    """Return how many n-grams each prediction shares with its references, clipped, (rows,).

    Sentence s of the table is row ``s % rows`` of stream ``s // rows``; stream 0 predicts.
    """
    stream, row = np.divmod(table.rows, rows)
    keys = table.ids * rows + row
    own = stream == 0
    asked, counts = keys[own], table.counts[own]  # sorted, as the table is
    limit = np.zeros(len(asked), np.int64)
    place = np.searchsorted(asked, keys[~own])
    known = place < len(asked)
    known[known] = asked[place[known]] == keys[~own][known]
    np.maximum.at(limit, place[known], table.counts[~own][known])
    return np.bincount(row[own], np.minimum(counts, limit), rows).astype(np.float64)


def _closest(lengths: Integers) -> Floats:
    """Return the reference length closest to the prediction's, the shorter of two, (rows,).

    ``lengths`` (1 + streams, rows), the predictions' first.
    """
    ordered = np.sort(lengths[1:], axis=0)
    best = np.abs(ordered - lengths[0]).argmin(axis=0)  # the first of equals is the shorter
    closest: Floats = ordered[best, np.arange(len(best))].astype(np.float64)
    return closest
