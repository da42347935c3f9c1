"""Sentences as vectors without a trained model: a bag of n-grams, projected at random."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seqgen.metrics.arrays import Flags, Floats, Integers

Hashes = NDArray[np.uint64]
Weighting = Literal["log", "binary"]

AT_ONCE = 512
"""Rows that are projected together; bounds the memory, decides no value."""


@dataclass(frozen=True)
class NgramProjection:
    """An encoder that needs nothing: words and pairs of neighbouring words of a sentence, each with
    a random sign for each of ``width`` dimensions, summed and normalised to length 1.

    The signs are bits of a seeded hash of the n-gram, the same in every process and on every
    machine ("Database-friendly random projections: Johnson-Lindenstrauss with binary coins",
    Achlioptas 2003): angles between bags of n-grams survive up to about ``1 / sqrt(width)``, while
    meaning and word order beyond a pair are unseen.

    Attributes:
        width: dimensions of a vector, at least 1.
        weighting: how an n-gram that stands c times counts: ``log`` as log(1 + c), ``binary`` as 1.
        seed: of the hash.
    """

    width: int = 256
    weighting: Weighting = "log"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width {self.width} given: a vector has at least 1 dimension")
        if self.weighting not in get_args(Weighting):
            raise ValueError(f"weighting {self.weighting!r} given: it may be {get_args(Weighting)}")

    @property
    def name(self) -> str:
        """What signatures call it; it says all that decides the vectors."""
        return f"ngrams-1-2-{self.weighting}-width-{self.width}-seed-{self.seed}"

    def features(self, texts: Sequence[str]) -> Floats:
        """Return one vector a sentence, (rows, width), of length 1, or 0 for a sentence without a
        word. Words are whitespace-separated, their case is kept.

        Raises TypeError for one string in the place of a list of sentences.
        """
        if isinstance(texts, str):
            raise TypeError(f"one string given ({texts[:40]!r}): give a list of sentences")
        found = np.zeros((len(texts), self.width))
        known: dict[str, int] = {}
        for start in range(0, len(texts), AT_ONCE):
            sentences = [text.split() for text in texts[start : start + AT_ONCE]]
            found[start : start + len(sentences)] = self._project(sentences, known)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return found / np.where(lengths == 0, 1, lengths)

    def _project(self, sentences: list[list[str]], known: dict[str, int]) -> Floats:
        """Return the sums of signs of some sentences, (rows, width)."""
        hashes, rows = self._ngrams(sentences, known)
        order = np.lexsort((hashes, rows))  # in the order of the hash, whatever the other rows are
        hashes, rows = hashes[order], rows[order]
        starts = np.flatnonzero(_changes(hashes) | _changes(rows))
        counts = np.diff(starts, append=len(hashes))
        hashes, rows = hashes[starts], rows[starts]
        weights = np.log1p(counts) if self.weighting == "log" else np.ones(len(counts))
        sums = np.zeros((len(sentences), self.width))
        if len(rows):
            filled = np.flatnonzero(_changes(rows))
            terms = self._signs(hashes) * weights[:, None]
            sums[rows[filled]] = np.add.reduceat(terms, filled, axis=0)
        return sums

    def _ngrams(self, sentences: list[list[str]], known: dict[str, int]) -> tuple[Hashes, Integers]:
        """Return the hash of every occurrence of an n-gram and the row it stands in."""
        words = [word for sentence in sentences for word in sentence]
        for word in words:
            if word not in known:
                known[word] = self._hash(word)
        single = np.array([known[word] for word in words], np.uint64)
        rows = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
        inside = np.flatnonzero(rows[1:] == rows[:-1])
        pairs = _mixed(_mixed(single[inside]) + single[inside + 1])
        return np.concatenate([single, pairs]), np.concatenate([rows, rows[inside]])

    def _hash(self, word: str) -> int:
        salt = self.seed.to_bytes(16, "little", signed=True)
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt)
        return int.from_bytes(digest.digest(), "little")

    def _signs(self, hashes: Hashes) -> Floats:
        """Return -1 or 1 for each n-gram and dimension, (ngrams, width)."""
        blocks = np.arange(1, -(-self.width // 64) + 1, dtype=np.uint64)
        drawn = _mixed(hashes[:, None] + blocks * _STEP).astype("<u8")
        bits = np.unpackbits(drawn.view(np.uint8), axis=1, bitorder="little")[:, : self.width]
        return bits.astype(np.float64) * 2 - 1


_STEP = np.uint64(0x9E3779B97F4A7C15)


def _mixed(values: Hashes) -> Hashes:
    """Return well mixed bits of each value, one to one: the last step of splitmix64 ("Fast
    Splittable Pseudorandom Number Generators", Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _changes(values: NDArray[np.generic]) -> Flags:
    """Return where a value differs from the one before it; the first always does."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return changes
