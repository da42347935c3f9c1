"""How varied sentences are, and how many of them are new.

All but the share of novel sentences, repetition and mean length depend on how many sentences there
are: compare equal numbers.
"""

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.arrays import Flags, Floats, Integers
from seqgen.metrics.ngrams import Occurrences, count, encode, occurrences
from seqgen.metrics.score import Score, sign
from seqgen.metrics.tokens import Sentence, Tokenized, Tokenizer, common_tokenizer, tokenize


def distinct(
    predictions: Sequence[Sentence],
    order: int = 2,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return distinct n-grams over all n-grams of the whole list; 0 where there is no n-gram.

    "A Diversity-Promoting Objective Function for Neural Conversation Models", Li et al. 2016
    (arXiv 1510.03055). Raises ValueError without sentences or for an order below 1.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    value = distinct_of(totals(of_order(given.sentences, order)))
    return Score(f"distinct-{order}", value, signature(given, order=order))


def expected_distinct(
    predictions: Sequence[Sentence],
    vocabulary: int,
    order: int = 1,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return distinct n-grams over how many would be expected if all were drawn evenly.

    With C n-grams in the list and V that can be formed, V (1 - ((V - 1) / V)^C) different ones are
    expected; ``distinct`` divides by C and so falls with the length of the text, this far less.
    V is ``vocabulary`` to the power of ``order``; ``vocabulary`` is the number of different tokens
    a sentence may have, and has to be the same for all that is compared: that of the real text, for
    instance. It is part of the signature. "Rethinking and Refining the Distinct Metric", Liu et al.
    2022 (arXiv 2202.13587), who use order 1. Raises ValueError for a vocabulary below 1, and as
    ``distinct`` does.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    value = expected_distinct_of(totals(of_order(given.sentences, order)), vocabulary, order)
    signed = signature(given, order=order, vocabulary=vocabulary)
    return Score(f"expected-distinct-{order}", value, signed)


def entropy(
    predictions: Sequence[Sentence],
    order: int = 4,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the entropy in nats of the n-grams of the whole list; 0 where there is no n-gram.

    "Generating Informative and Diverse Conversational Responses via Adversarial Information
    Maximization", Zhang et al. 2018 (arXiv 1809.05972). Raises ValueError as ``distinct`` does.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    value = entropy_of(totals(of_order(given.sentences, order)))
    return Score(f"entropy-{order}", value, signature(given, order=order))


def repetition(
    predictions: Sequence[Sentence],
    order: int = 2,
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the share of a sentence's n-grams that occurred before in it, mean over sentences.

    0 for a sentence without n-grams. Raises ValueError as ``distinct`` does.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    found = of_order(given.sentences, order)
    value = float(sentence_repetition(found, len(given.sentences)).mean())
    return Score(f"repetition-{order}", value, signature(given, order=order))


def unique_share(
    predictions: Sequence[Sentence], tokenizer: Tokenizer = "whitespace", lowercase: bool = False
) -> Score:
    """Return the number of different sentences over the number of sentences.

    Raises ValueError without sentences.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    value = len({tuple(sentence) for sentence in given.sentences}) / len(given.sentences)
    return Score("unique", value, signature(given))


def novel_share(
    predictions: Sequence[Sentence],
    training: Sequence[Sentence],
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
) -> Score:
    """Return the share of the sentences that do not stand, token by token, in the training text.

    Raises ValueError without sentences; no training sentence makes all of them novel.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    known = tokenize(training, tokenizer, lowercase)
    value = float(sentence_novel(given.sentences, known.sentences).mean())
    counts = {"hypotheses": len(given.sentences), "training": len(training)}
    return Score("novel", value, sign({**counts, "tokenizer": common_tokenizer(given, known)}))


def lengths(
    predictions: Sequence[Sentence], tokenizer: Tokenizer = "whitespace", lowercase: bool = False
) -> list[Score]:
    """Return mean, standard deviation, minimum and maximum of the lengths in tokens.

    Raises ValueError without sentences.
    """
    given = tokenize(predictions, tokenizer, lowercase, at_least=1)
    sizes = np.array([len(sentence) for sentence in given.sentences])
    values = {
        "mean": sizes.mean(),
        "deviation": sizes.std(),
        "shortest": sizes.min(),
        "longest": sizes.max(),
    }
    signed = signature(given)
    return [Score(f"length-{name}", float(value), signed) for name, value in values.items()]


def of_order(sentences: Sequence[Sequence[str]], order: int) -> Occurrences:
    """Return the n-grams of the sentences. Raises ValueError for an order below 1."""
    if order < 1:
        raise ValueError(f"order {order} given: an n-gram has at least 1 token")
    *_, last = occurrences(encode(sentences), order)
    return last


def totals(found: Occurrences, keep: Flags | None = None) -> Integers:
    """Return how often each n-gram occurs, (kinds,); in the sentences of ``keep`` (rows,) only,
    if given."""
    ids = found.ids if keep is None else found.ids[keep[found.rows]]
    return np.bincount(ids, minlength=found.kinds)


def distinct_of(counts: Integers) -> float:
    """Return ``distinct`` of n-grams that occur this often, (kinds,)."""
    return float(np.count_nonzero(counts) / max(1, counts.sum()))


def expected_distinct_of(counts: Integers, vocabulary: int, order: int) -> float:
    """Return ``expected_distinct`` of n-grams that occur this often, (kinds,)."""
    if vocabulary < 1:
        raise ValueError(f"vocabulary {vocabulary} given: it has at least 1 token")
    possible, drawn = float(vocabulary) ** order, float(counts.sum())
    if drawn == 0:
        return 0.0
    # 1 - (1 - 1/V)^C without losing small numbers; with one possible n-gram, one is expected.
    missed = drawn * np.log1p(-1 / possible) if possible > 1 else -np.inf
    return float(np.count_nonzero(counts) / (possible * -np.expm1(missed)))


def entropy_of(counts: Integers) -> float:
    """Return ``entropy`` in nats of n-grams that occur this often, (kinds,)."""
    share = counts[counts > 0] / max(1, counts.sum())
    return float((share * -np.log(share)).sum())


def sentence_repetition(found: Occurrences, sentences: int) -> Floats:
    """Return ``repetition`` of each sentence, (sentences,)."""
    table = count(found, sentences)
    all_of_them = np.bincount(table.rows, table.counts, sentences)
    different = np.bincount(table.rows, minlength=sentences)
    return (all_of_them - different) / np.maximum(1, all_of_them)


def sentence_novel(sentences: Sequence[Sequence[str]], training: Sequence[Sequence[str]]) -> Floats:
    """Return 1 for each sentence that is not among the training sentences, else 0, (sentences,)."""
    seen = {tuple(sentence) for sentence in training}
    return np.array([tuple(sentence) not in seen for sentence in sentences], np.float64)


def signature(given: Tokenized, **settings: int) -> str:
    """Return the signature of a measurement of one list of sentences."""
    return sign({**settings, "hypotheses": len(given.sentences), "tokenizer": given.tokenizer})
