"""How varied sentences are, and how many of them are new.

All but the share of novel sentences depend on how many sentences there are: compare equal numbers.
"""

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.ngrams import Occurrences, encode, occurrences
from seqgen.metrics.score import Score, sign
from seqgen.metrics.tokens import Sentence, Tokenized, common_tokenizer, tokenize


def distinct(sentences: Sequence[Sentence], order: int = 2) -> Score:
    """Return distinct n-grams over all n-grams of the whole list; 0 where there is no n-gram.

    "A Diversity-Promoting Objective Function for Neural Conversation Models", Li et al. 2016
    (arXiv 1510.03055). Raises ValueError without sentences or for an order below 1.
    """
    given = tokenize(sentences, at_least=1)
    found = _of_order(given, order)
    value = found.kinds / max(1, len(found.ids))
    return Score(f"distinct-{order}", value, _sign(given, order))


def entropy(sentences: Sequence[Sentence], order: int = 4) -> Score:
    """Return the entropy in nats of the n-grams of the whole list; 0 where there is no n-gram.

    "Generating Informative and Diverse Conversational Responses via Adversarial Information
    Maximization", Zhang et al. 2018 (arXiv 1809.05972). Raises ValueError as ``distinct`` does.
    """
    given = tokenize(sentences, at_least=1)
    found = _of_order(given, order)
    share = np.bincount(found.ids, minlength=found.kinds) / max(1, len(found.ids))
    value = float((share * -np.log(share)).sum())
    return Score(f"entropy-{order}", value, _sign(given, order))


def unique_share(sentences: Sequence[Sentence]) -> Score:
    """Return the number of different sentences over the number of sentences.

    Raises ValueError without sentences.
    """
    given = tokenize(sentences, at_least=1)
    value = len(_set(given)) / len(given.sentences)
    return Score("unique", value, _sign(given))


def novel_share(sentences: Sequence[Sentence], training: Sequence[Sentence]) -> Score:
    """Return the share of the sentences that do not stand, token by token, in the training text.

    Raises ValueError without sentences; no training sentence makes all of them novel.
    """
    given, known = tokenize(sentences, at_least=1), tokenize(training)
    seen = _set(known)
    value = sum(tuple(s) not in seen for s in given.sentences) / len(given.sentences)
    counts = {"hypotheses": len(given.sentences), "training": len(training)}
    return Score("novel", value, sign({**counts, "tokenizer": common_tokenizer(given, known)}))


def lengths(sentences: Sequence[Sentence]) -> list[Score]:
    """Return mean, standard deviation, minimum and maximum of the lengths in tokens.

    Raises ValueError without sentences.
    """
    given = tokenize(sentences, at_least=1)
    sizes = np.array([len(sentence) for sentence in given.sentences])
    values = {
        "mean": sizes.mean(),
        "deviation": sizes.std(),
        "shortest": sizes.min(),
        "longest": sizes.max(),
    }
    signature = _sign(given)
    return [Score(f"length-{name}", float(value), signature) for name, value in values.items()]


def _of_order(given: Tokenized, order: int) -> Occurrences:
    if order < 1:
        raise ValueError(f"order {order} given: an n-gram has at least 1 token")
    *_, last = occurrences(encode(given.sentences), order)
    return last


def _set(given: Tokenized) -> set[tuple[str, ...]]:
    return {tuple(sentence) for sentence in given.sentences}


def _sign(given: Tokenized, order: int | None = None) -> str:
    orders = {} if order is None else {"order": order}
    return sign({**orders, "hypotheses": len(given.sentences), "tokenizer": given.tokenizer})
