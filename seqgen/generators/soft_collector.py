"""How soft tokens are collected where no gradient is wanted."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgen.generators.decoded import Collector, Decoded
from seqgen.generators.protocol import Generator
from seqgen.generators.steps import Step


class SoftCollector(Collector):
    """Collects soft tokens of pools from which rows drop out; its arguments are those of Collector.

    Step after step lies in one piece, so that each is written once and nothing is laid out anew: at
    a vocabulary of 10,000 the tokens of a batch are the largest tensor of style transfer, and fresh
    memory costs more than the arithmetic.
    """

    def __init__(self, generator: Generator, count: int, time: int, hidden: bool) -> None:
        super().__init__(generator, count, time, hidden)
        shape = (time, count, len(generator.head.weight))
        self.kept = torch.empty(shape, device=self.device)
        self.fed: Tensor | None = None

    def store(self, step: Step) -> None:
        """Dead rows are blanked at the end."""
        self.kept[step.number].index_copy_(0, step.rows, step.choice.kept)
        if step.choice.fed is not step.choice.kept:
            self.fed = torch.empty_like(self.kept) if self.fed is None else self.fed
            self.fed[step.number].index_copy_(0, step.rows, step.choice.fed)

    def decoded(self) -> Decoded:
        """What was collected; time ends with the longest row."""
        extras, longest = dict(self.outputs), int(self.lengths.max())
        hidden = extras.pop("", None)
        extras = {name: values[:, :longest] for name, values in extras.items()}
        kept = self._blanked(self.kept[:longest])
        fed = kept if self.fed is None else self._blanked(self.fed[:longest])
        hidden = None if hidden is None else hidden[:, :longest]
        return Decoded(kept, self.lengths, self.ended, fed, hidden, extras)

    def _blanked(self, tokens: Tensor) -> Tensor:
        """Soft tokens (time, rows, vocabulary) with one-hot PAD where a row is over -> (rows, time,
        vocabulary)."""
        if self.end is not None:
            over = torch.arange(len(tokens), device=self.device)[:, None] >= self.lengths
            blank = tokens.new_zeros(tokens.shape[-1])
            blank[self.pad] = 1.0
            tokens[over] = blank
        return tokens.transpose(0, 1)
