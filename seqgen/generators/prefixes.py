"""The pairs of a sentence and a prefix, and how to cut them up into what is completed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Some sentences, longest first, and some of their copies: what is completed together.

    Its completions have slots: by prefix, then sentence, then copy.

    Attributes:
        rows: (sentences,) int64, which sentences.
        copies: which copies.
        prefixes: how many tokens each prefix has, ascending.
        counts: how many of the sentences have each prefix: they are the first ones.
        pairs: (pairs,) int64, the numbers of the part's pairs among all, in the order of the slots.
    """

    rows: Tensor
    copies: range
    prefixes: Sequence[int]
    counts: Sequence[int]
    pairs: Tensor

    @property
    def slots(self) -> int:
        """How many completions."""
        return sum(self.counts) * len(self.copies)


class Prefixes:
    """All pairs, in the order of the prefixes, then of the rows.

    Args:
        lengths: (rows,) int64 on the CPU; a sentence of n tokens has prefixes of 1 to n - 1 tokens.
        limit: the most tokens of a completion.
        stride: of the prefixes only those of 1, 1 + stride, 1 + 2 x stride, ... tokens are kept.

    Attributes:
        rows: (pairs,) int64, which sentence.
        lengths: (pairs,) int64, how many of its tokens.
    """

    def __init__(self, lengths: Tensor, limit: int, stride: int) -> None:
        prefixes = torch.arange(1, limit, stride)
        self._order = lengths.argsort(descending=True, stable=True)
        self._kept = prefixes.unsqueeze(1) < lengths  # (prefixes, rows)
        self._number = self._kept.flatten().cumsum(0).view_as(self._kept) - 1
        places, self.rows = self._kept.nonzero(as_tuple=True)
        self.lengths, self._prefixes = prefixes[places], prefixes.tolist()

    def parts(self, copies: int, most: int) -> Iterator[Part]:
        """Cut the sentences so that a part has at most so many completions, and where one sentence
        alone has more, its copies; the prefixes of a sentence stay together."""
        for rows in self._groups(most // copies):
            kept = self._kept[:, rows]
            counts = [count for count in kept.sum(1).tolist() if count]
            pairs = self._number[:, rows][kept]
            together = max(min(copies, most // len(pairs)), 1)
            for first in range(0, copies, together):
                some = range(first, min(first + together, copies))
                yield Part(rows, some, self._prefixes[: len(counts)], counts, pairs)

    def _groups(self, most: int) -> Iterator[Tensor]:
        """Sentences with together at most so many prefixes, at least one; longest first."""
        counts = self._kept.sum(0)[self._order]
        order, begin, total = self._order[counts > 0], 0, 0
        for end, count in enumerate(counts[counts > 0].tolist()):
            if end > begin and total + count > most:
                yield order[begin:end]
                begin, total = end, 0
            total += count
        if begin < len(order):
            yield order[begin:]
