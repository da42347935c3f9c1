"""Words that give a style away: what the joint score of style transfer asks to be gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

THRESHOLD = 1.0
"""A word is a marker of a label when its log-odds for the label are above this, in nats."""

FORMAT = 1
"""Of the JSON form; raised when a reader of today could not read it."""


class Weight(NamedTuple):
    """The log-odds of a word for a label, in nats, and its occurrences in the label's text."""

    log_odds: float
    occurrences: int


def words(sentence: str) -> list[str]:
    """Return the words of a sentence as markers are looked up: whitespace-separated, lower case."""
    return sentence.lower().split()


@dataclass(frozen=True)
class Markers:
    """The markers of each label, by word, those with the largest ``log_odds * occurrences`` first.

    The log-odds of word w for label l against all other labels together, with add-one smoothing:

        log((count(w, l) + 1) / (size(l) + V)) - log((count(w, others) + 1) / (size(others) + V))

    with size the number of words of a text and V the number of different words of all. These are
    the log-odds of the label given the word when both sides are equally likely. A word is a marker
    above THRESHOLD. There is no minimum count: where the texts are of one size, the smoothing keeps
    a word that was seen once below it.
    """

    weights: Mapping[str, Mapping[str, Weight]]

    @classmethod
    def train(cls, sentences: Mapping[str, Iterable[str]]) -> Markers:
        """Find the markers of each label from its sentences.

        Raises ValueError for fewer than two labels or a label without a word.
        """
        counts = {label: _count(label, texts) for label, texts in sentences.items()}
        if len(counts) < 2:
            raise ValueError(f"labels {list(counts)} given: markers tell two or more labels apart")
        total: Counter[str] = Counter()
        for found in counts.values():
            total.update(found)
        return cls({label: _markers(found, total) for label, found in counts.items()})

    @property
    def labels(self) -> list[str]:
        """The labels, in the order they were trained in."""
        return list(self.weights)

    def of(self, label: str) -> frozenset[str]:
        """Return the markers of this label, in lower case.

        Raises ValueError for a label without markers of its own in the training text.
        """
        if label not in self.weights:
            raise ValueError(f"label {label!r} given: the markers are of {self.labels}")
        return frozenset(self.weights[label])

    def phrase(self, label: str, length: int = 3) -> str:
        """Return the ``length`` weightiest markers of the label that have only letters, joined.

        The phrase that a system without any skill would append to every sentence. It is shorter,
        or empty, where the label has fewer such markers. Raises ValueError as ``of`` does.
        """
        self.of(label)
        return " ".join([word for word in self.weights[label] if word.isalpha()][:length])

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and numbers: ``{label: {word: [log-odds, occurrences]}}``."""
        labels = {
            label: {
                word: [round(weight.log_odds, 4), weight.occurrences]
                for word, weight in own.items()
            }
            for label, own in self.weights.items()
        }
        return {"format": FORMAT, "threshold": THRESHOLD, "labels": labels}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Markers:
        """Return what ``to_json`` gave.

        Raises ValueError for a newer format, KeyError or TypeError where something is missing.
        """
        if given["format"] > FORMAT:
            raise ValueError(f"markers of format {given['format']}; this version reads {FORMAT}")
        return cls(
            {
                label: {word: Weight(*weight) for word, weight in own.items()}
                for label, own in given["labels"].items()
            }
        )


def _count(label: str, texts: Iterable[str]) -> Counter[str]:
    if isinstance(texts, str):
        raise TypeError(f"one string given for label {label!r}: give a list of sentences")
    found = Counter(word for text in texts for word in words(text))
    if not found:
        raise ValueError(f"no word given for label {label!r}: give sentences of every label")
    return found


def _markers(own: Counter[str], total: Counter[str]) -> dict[str, Weight]:
    size, all_sizes, kinds = own.total(), total.total(), len(total)
    balance = log(size + kinds) - log(all_sizes - size + kinds)
    found = {
        word: Weight(log(count + 1) - log(total[word] - count + 1) - balance, count)
        for word, count in own.items()
    }
    passing = [(word, weight) for word, weight in found.items() if weight.log_odds > THRESHOLD]
    # Ties in the order of the words, so that the order of the sentences decides nothing.
    return dict(
        sorted(passing, key=lambda pair: (-pair[1].log_odds * pair[1].occurrences, pair[0]))
    )
