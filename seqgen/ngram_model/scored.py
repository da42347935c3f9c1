"""The log-probabilities of the tokens of some sentences, and what is read off them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.errors import UserError
from seqgen.metrics.arrays import Floats, Integers


@dataclass(frozen=True)
class PositionGroup:
    """Tokens at positions ``first`` to ``last`` of their sentences, counted from 1, and their mean
    ``cost``: negative log-probability in nats."""

    first: int
    last: int
    tokens: int
    cost: float


@dataclass(frozen=True)
class Scored:
    """Log-probabilities in nats of all ``values`` (tokens,), END of each sentence among them; the
    ``lengths`` (rows,) of the sentences count it too. ``unknown`` words are not in the vocabulary.
    """

    values: Floats
    lengths: Integers
    unknown: int

    @classmethod
    def join(cls, parts: Sequence[Scored]) -> Scored:
        """Return several as one."""
        empty = (np.empty(0), np.empty(0, np.int64))
        values = np.concatenate([empty[0], *(part.values for part in parts)])
        lengths = np.concatenate([empty[1], *(part.lengths for part in parts)])
        return cls(values, lengths, sum(part.unknown for part in parts))

    @property
    def sums(self) -> Floats:
        """The log-probability of each sentence in nats, (rows,)."""
        if not len(self.lengths):
            return np.empty(0)
        return np.add.reduceat(self.values, np.cumsum(self.lengths) - self.lengths)

    @property
    def unknown_share(self) -> float:
        """The share of the words, END not counted, that are not in the vocabulary; 0 of none."""
        return self.unknown / max(1, len(self.values) - len(self.lengths))

    @property
    def perplexity(self) -> float:
        """exp(mean negative log-probability of a token), END counted.

        Raises:
            UserError: there are no sentences.
        """
        if not len(self.values):
            raise UserError("no sentence given: perplexity needs at least one")
        return math.exp(-math.fsum(self.values.tolist()) / len(self.values))

    def by_position(self, width: int) -> list[PositionGroup]:
        """Group tokens by position, ``width`` positions a group; END stands one after the last
        word. Costs that rise with the position are the trace of exposure bias.

        Raises:
            UserError: a width below 1.
        """
        if width < 1:
            raise UserError(f"groups of {width} positions given: give 1 or more")
        starts = np.cumsum(self.lengths) - self.lengths
        positions = np.arange(len(self.values)) - np.repeat(starts, self.lengths)
        tokens = np.bincount(positions // width)
        costs = np.bincount(positions // width, -self.values)
        return [
            PositionGroup(at * width + 1, (at + 1) * width, count, cost / count)
            for at, (count, cost) in enumerate(zip(tokens.tolist(), costs.tolist(), strict=True))
        ]
