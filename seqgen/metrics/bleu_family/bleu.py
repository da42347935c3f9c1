"""BLEU, self-BLEU, backward BLEU and their harmonic mean, as the text-GAN literature measures them.

BLEU-n here is the mean over predictions of nltk's sentence BLEU against one shared set of
references, uniform weights over orders 1..n, scale 0 to 1. It is not corpus BLEU. It grows with the
number of references, self-BLEU with the number of sentences: hence the signature of a Score, and
the advice to measure real sentences beside the generated ones.

The predictions are the generated sentences, the references the real ones, in all functions.
"""

from collections.abc import Sequence

from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.sentence_bleu import (
    ORDERS,
    sentence_bleu,
    sentence_bleu_both_ways,
    sentence_self_bleu,
)
from seqgen.metrics.bleu_family.signatures import bleu_settings, signed_orders
from seqgen.metrics.score import Score
from seqgen.metrics.tokens import Sentence, Tokenized, Tokenizer, common_tokenizer, tokenize


def bleu(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int = 4,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the mean sentence BLEU of the predictions, each against all references.

    Raises ValueError without predictions or references, for an order below 1, for an unknown
    smoothing or tokenizer, and for references given row by row.
    """
    return bleu_orders(predictions, references, (order,), smoothing, tokenizer, lowercase)[0]


def bleu_orders(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> list[Score]:
    """Return ``bleu`` for each of the orders, for the price of the longest."""
    asked, known = _both(predictions, references, tokenizer, lowercase)
    values = sentence_bleu(asked.sentences, known.sentences, orders, smoothing)
    settings = _settings(asked, known, smoothing)
    return signed_orders("bleu", values.mean(axis=1).tolist(), orders, settings)


def backward_bleu(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int = 4,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the mean sentence BLEU of the references, each against all predictions.

    How much of the real text the generated one covers ("Toward Diverse Text Generation with Inverse
    Reinforcement Learning", Shi et al. 2018, arXiv 1804.11258). Raises ValueError as ``bleu``.
    """
    scores = backward_bleu_orders(
        predictions, references, (order,), smoothing, tokenizer, lowercase
    )
    return scores[0]


def backward_bleu_orders(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> list[Score]:
    """Return ``backward_bleu`` for each of the orders, for the price of the longest."""
    asked, known = _both(predictions, references, tokenizer, lowercase)
    values = sentence_bleu(known.sentences, asked.sentences, orders, smoothing)
    settings = _settings(asked, known, smoothing)
    return signed_orders("backward-bleu", values.mean(axis=1).tolist(), orders, settings)


def harmonic_bleu(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    order: int = 4,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return BLEU-HA: the harmonic mean of ``bleu`` and ``backward_bleu``, 0 where both are.

    It is the harmonic mean of the two means, not a mean of harmonic means (Shi et al. 2018, arXiv
    1804.11258). Raises ValueError as ``bleu`` does.
    """
    scores = harmonic_bleu_orders(
        predictions, references, (order,), smoothing, tokenizer, lowercase
    )
    return scores[0]


def harmonic_bleu_orders(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> list[Score]:
    """Return ``harmonic_bleu`` for each of the orders, for the price of the longest."""
    asked, known = _both(predictions, references, tokenizer, lowercase)
    ways = sentence_bleu_both_ways(asked.sentences, known.sentences, orders, smoothing)
    forward, backward = (values.mean(axis=1).tolist() for values in ways)
    values = [harmonic_mean(f, b) for f, b in zip(forward, backward, strict=True)]
    return signed_orders("bleu-ha", values, orders, _settings(asked, known, smoothing))


def harmonic_mean(forward: float, backward: float) -> float:
    """Return the harmonic mean of two values of at least 0; 0 where both are 0."""
    total = forward + backward
    return 2 * forward * backward / total if total else 0.0


def self_bleu(
    predictions: Sequence[Sentence],
    order: int = 4,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the mean sentence BLEU of each sentence against all the others: low means diverse.

    A sentence that occurs twice meets its copy ("Texygen: A Benchmarking Platform for Text
    Generation Models", Zhu et al. 2018, arXiv 1802.01886). Raises ValueError for fewer than two
    sentences and as ``bleu`` does.
    """
    return self_bleu_orders(predictions, (order,), smoothing, tokenizer, lowercase)[0]


def self_bleu_orders(
    predictions: Sequence[Sentence],
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> list[Score]:
    """Return ``self_bleu`` for each of the orders, for the price of the longest."""
    given = tokenize(predictions, tokenizer, lowercase)
    values = sentence_self_bleu(given.sentences, orders, smoothing)
    rows = len(given.sentences)
    settings = bleu_settings(rows, rows - 1, smoothing, given.tokenizer, left_out=True)
    return signed_orders("self-bleu", values.mean(axis=1).tolist(), orders, settings)


def _both(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    tokenizer: Tokenizer,
    lowercase: bool,
) -> tuple[Tokenized, Tokenized]:
    return (
        tokenize(predictions, tokenizer, lowercase),
        tokenize(references, tokenizer, lowercase),
    )


def _settings(
    predictions: Tokenized, references: Tokenized, smoothing: Smoothing
) -> dict[str, str | int]:
    return bleu_settings(
        len(predictions.sentences),
        len(references.sentences),
        smoothing,
        common_tokenizer(predictions, references),
    )
