"""How probable a generator finds given sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.text.sentences import Rows, Sentences

TOKENS = 128  # whose logits are kept at a time, so that they stay in the cache


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


def sentence_log_probabilities(generator: Generator, data: Rows, size: int = 256) -> Tensor:
    """log p of every sentence in nats, (rows,) float64, its END included where it has one; the mean
    of p over labels where the generator knows any, whatever the labels of the sentences."""
    found: list[Tensor] = []
    with torch.no_grad(), evaluating(generator):
        for batch in batches(data, size):
            labelled = [
                replace(batch, labels=torch.full_like(batch.lengths, style))
                for style in range(generator.styles)
            ]
            each = [
                log_probabilities(generator, one).sum(1, dtype=torch.float64).cpu()
                for one in labelled or [batch]
            ]
            found.append(torch.stack(each).logsumexp(0) - math.log(len(each)))
    return torch.cat(found)


def likelihood(generator: Generator, data: Rows, size: int = 256) -> Likelihood:
    """Negative log-likelihood of all sentences, in batches of `size`."""
    total, tokens = torch.zeros((), dtype=torch.float64), 0
    with torch.no_grad(), evaluating(generator):
        for batch in batches(data, size):
            total -= log_probabilities(generator, batch).sum(dtype=torch.float64).cpu()
            tokens += int(batch.lengths.sum())
    return Likelihood(float(total), tokens, len(data))


def tempered_likelihoods(
    generator: Generator, data: Rows, temperatures: Sequence[float], size: int = 256
) -> list[Likelihood]:
    """Negative log-likelihood of all sentences with the logits divided by each temperature, END
    counted; the network reads every sentence once for all temperatures.

    Raises:
        ValueError: a temperature that is not above 0.
    """
    if any(not temperature > 0 for temperature in temperatures):
        raise ValueError(f"temperatures {list(temperatures)}: all must be above 0")
    totals, tokens = torch.zeros(len(temperatures), dtype=torch.float64), 0
    with torch.no_grad(), evaluating(generator):
        for batch in batches(data, size):
            batch = batch.to(generator.device)
            hidden = teacher_force(generator, batch).hidden[batch.mask]
            ids = batch.ids[batch.mask].unsqueeze(-1)
            for part in torch.split(torch.arange(len(ids), device=ids.device), TOKENS):
                logits = generator.logits(hidden[part])
                totals += _lost(logits, logits.gather(-1, ids[part]).squeeze(-1), temperatures)
            tokens += int(batch.lengths.sum())
    return [Likelihood(total, tokens, len(data)) for total in totals.tolist()]


def _lost(logits: Tensor, chosen: Tensor, temperatures: Sequence[float]) -> Tensor:
    """Summed -log p of the chosen logits (tokens,) among all (tokens, vocabulary), at each
    temperature (temperatures,)."""
    highest = logits.amax(-1, keepdim=True)
    below, chosen = logits - highest, chosen - highest.squeeze(-1)
    buffer = torch.empty_like(below)  # fresh pages would cost more than the exponentials
    sums = []
    for t in temperatures:
        masses = torch.mul(below, 1 / t, out=buffer).exp_().sum(-1)
        sums.append((masses.log() - chosen / t).sum(dtype=torch.float64))
    return torch.stack(sums).cpu()


def batches(data: Rows, size: int) -> Iterator[Sentences]:
    """All sentences in order."""
    for part in torch.split(torch.arange(len(data)), size):
        yield data.select(part)
