"""What evaluation asks of judges and encoders; whoever has these methods can be one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seqgen.metrics.arrays import Floats


class LanguageJudge(Protocol):
    """A language model that says how probable sentences are: an n-gram model, a run, a pretrained
    model."""

    @property
    def name(self) -> str:
        """What signatures call it; without ':' and '|'."""

    def score(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Summed log-probability in nats, END included, and the number of tokens it is summed over,
        END included; (rows,) each. Every row has at least one token."""


class StyleJudge(Protocol):
    """A classifier of sentences."""

    @property
    def name(self) -> str:
        """What signatures call it; without ':' and '|'."""

    @property
    def labels(self) -> Sequence[str]:
        """The labels, in the order of the columns of `probabilities`."""

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """The probability of each label for each sentence, (rows, labels)."""


class Encoder(Protocol):
    """Sentences -> vectors, for distances between sets of sentences."""

    @property
    def name(self) -> str:
        """What signatures call it; without ':' and '|'. It says all that decides the vectors."""

    def features(self, texts: Sequence[str]) -> Floats:
        """One vector a sentence, (rows, width), whatever the others are."""
