"""How probable a generator finds given sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.text.sentences import Rows, Sentences


@dataclass(frozen=True)
class Likelihood:
    """Summed negative log-likelihood in nats over `tokens` (END counted) of `sentences`."""

    total: float
    tokens: int
    sentences: int

    @property
    def nats(self) -> float:
        """Nats a token."""
        return self.total / self.tokens

    @property
    def perplexity(self) -> float:
        """exp of the nats a token."""
        return math.exp(min(self.nats, 700.0))


def log_probabilities(generator: Generator, batch: Sentences) -> Tensor:
    """log p of every token, (rows, time), 0 on padding; without dropout, temperature 1, in the
    current gradient mode."""
    batch = batch.to(generator.device)
    hidden = teacher_force(generator, batch).hidden
    return generator.log_probability(hidden, batch.ids) * batch.mask


def likelihood(generator: Generator, data: Rows, size: int = 256) -> Likelihood:
    """Negative log-likelihood of all sentences, in batches of `size`."""
    total, tokens = torch.zeros((), dtype=torch.float64), 0
    with torch.no_grad(), evaluating(generator):
        for batch in batches(data, size):
            total -= log_probabilities(generator, batch).sum(dtype=torch.float64).cpu()
            tokens += int(batch.lengths.sum())
    return Likelihood(float(total), tokens, len(data))


def batches(data: Rows, size: int) -> Iterator[Sentences]:
    """All sentences in order."""
    for part in torch.split(torch.arange(len(data)), size):
        yield data.select(part)
