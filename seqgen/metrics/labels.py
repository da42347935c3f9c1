"""What a score of an evaluation is called, signed with, and how large it can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.score import sign


class Label(NamedTuple):
    """Name and signature of a score, the largest value it can have, and whether one sentence of n
    changes it by 1 / n of that at most."""

    name: str
    signature: str
    most: float = 1.0
    by_sentence: bool = True


@dataclass(frozen=True)
class Settings:
    """What all rows of a table have in common; ``tokenizer`` is its name in signatures,
    ``vocabulary`` the number of different tokens of the real text."""

    orders: Sequence[int]
    smoothing: Smoothing
    tokenizer: str
    vocabulary: int
    intervals: bool
    seed: int


def signed(pairs: dict[str, int], settings: Settings) -> str:
    """Return the signature of these numbers, with the tokenizer."""
    return sign({**pairs, "tokenizer": settings.tokenizer})
