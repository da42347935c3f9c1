"""Words as numbers: what a model knows of its vocabulary, and sentences as rows of numbers.

The numbers of the three specials are fixed, so that no array needs a name for them: UNKNOWN is 0,
BEGIN 1, END 2; the words of the text follow.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.errors import UserError
from seqgen.metrics.arrays import Flags, Integers
from seqgen.metrics.ngrams import Encoded

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
SPECIALS = (UNKNOWN, BEGIN, END)

Sentence = str | Sequence[str]


@dataclass(frozen=True)
class TrainingText:
    """What training met: counts of sentences and words.

    Attributes:
        sentences: trained on, with at least one word each.
        words: in these sentences, END not among them.
        blank: sentences without a word, left out.
        markers: words that look like BEGIN or END and became UNKNOWN.
        rare: words seen too seldom, which became UNKNOWN.
    """

    sentences: int
    words: int
    blank: int
    markers: int
    rare: int


class Words:
    """The vocabulary of a model: ``names`` in the order of their numbers, the specials first."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        known = {name: number for number, name in enumerate(self.names)}
        self._marked = known
        # A word of a text that looks like a marker is none: it is no word of the vocabulary.
        self._plain = {name: number for name, number in known.items() if name not in (BEGIN, END)}

    def __len__(self) -> int:
        return len(self.names)

    def number(self, token: str) -> int:
        """Return the number of a word, BEGIN or END; that of UNKNOWN for all others."""
        return self._marked.get(token, 0)

    def encode(self, sentences: Iterable[Sentence]) -> Encoded:
        """Return the sentences with BEGIN and END around each; their lengths count both."""
        find = self._plain.get
        flat, lengths = array("q"), array("q")
        for sentence in sentences:
            words = split(sentence)
            flat.append(1)
            flat.extend([find(word, 0) for word in words])
            flat.append(2)
            lengths.append(len(words) + 2)
        return Encoded(_numbers(flat), _numbers(lengths), len(self))


def split(sentence: Sentence) -> Sequence[str]:
    """Return the tokens of a sentence: a string is split at white space."""
    return sentence.split() if isinstance(sentence, str) else sentence


def learn(
    sentences: Iterable[Sentence], unknown_below: int = 1, also: Iterable[str] = ()
) -> tuple[Words, Encoded, TrainingText]:
    """Number the words of a training text in the order of their first occurrence.

    Words seen fewer than ``unknown_below`` times become UNKNOWN, but for those of ``also``, which
    are known even where the text has them not. Sentences without words are left out.

    Raises:
        UserError: there is no sentence with a word, or a token cannot be written as one word.
        TypeError: a single string was given, or tokens are no strings.
    """
    if isinstance(sentences, str):
        raise TypeError("one string given: give a list of sentences")
    numbers: defaultdict[str, int] = defaultdict(None, zip(SPECIALS, range(3), strict=True))
    numbers.default_factory = numbers.__len__  # a new word gets the next number
    flat, lengths, blank = array("q"), array("q"), 0
    for sentence in sentences:
        words = split(sentence)
        if not words:
            blank += 1
            continue
        flat.append(1)
        flat.extend(map(numbers.__getitem__, words))
        flat.append(2)
        lengths.append(len(words) + 2)
    if not lengths:
        raise UserError(f"no sentence to train on ({blank} blank ones given): give at least one")
    always = [*range(len(SPECIALS)), *map(numbers.__getitem__, also)]
    names = _checked(numbers)
    tokens = _numbers(flat)
    seen = np.bincount(tokens, minlength=len(names))
    kept = seen >= unknown_below
    kept[always] = True
    return _without(tokens, _numbers(lengths), names, kept, blank)


def _without(
    tokens: Integers, lengths: Integers, names: list[str], kept: Flags, blank: int
) -> tuple[Words, Encoded, TrainingText]:
    """Make markers inside the sentences and the words that are not ``kept`` (names,) unknown, and
    close the gaps in the numbers."""
    inside = np.ones(len(tokens), bool)
    ends = np.cumsum(lengths)
    inside[ends - lengths] = inside[ends - 1] = False
    markers = inside & ((tokens == 1) | (tokens == 2))
    new = np.where(kept, np.cumsum(kept) - 1, 0)
    words = Words([name for name, keep in zip(names, kept.tolist(), strict=True) if keep])
    text = TrainingText(
        sentences=len(lengths),
        words=int(inside.sum()),
        blank=blank,
        markers=int(markers.sum()),
        rare=int((~kept[tokens]).sum()),
    )
    return words, Encoded(np.where(markers, 0, new[tokens]), lengths, len(words)), text


def _checked(names: Iterable[str]) -> list[str]:
    """Return the names; refuse what a file of words between white space cannot hold."""
    found = list(names)
    for name in found:
        if not isinstance(name, str):
            raise TypeError(f"the token {name!r} is a {type(name).__name__}; tokens are strings")
        if name.split() != [name] or not _is_text(name):
            raise UserError(
                f"the token {name!r} is empty, has white space in it or is no valid Unicode: an "
                "n-gram model cannot be written with it; split it, or leave it out"
            )
    return found


def _is_text(name: str) -> bool:
    return name.isascii() or not any(0xD800 <= ord(character) <= 0xDFFF for character in name)


def _numbers(values: array[int]) -> Integers:
    return np.frombuffer(values, np.int64) if values else np.empty(0, np.int64)
