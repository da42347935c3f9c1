"""The different completions among many, sorted so that neighbours share the most work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqgen.generators.completions import Completions
from seqgen.randomness import mix

NEAR = 4  # lengths of prefixes in a group


@dataclass(frozen=True, eq=False)
class Rows:
    """Different completions, in the order of their prefixes, the longest first within a prefix.

    Tokens are numbered among those that occur; the number `nothing`, one more than the last of
    them, stands beyond the end.

    Attributes:
        ids: (time + 1, rows) int32; the last is `nothing`.
        lengths: (rows,) int64.
        prefixes: (rows,) int64.
        owners: (rows,) int32, the sentence that a row completes.
        sentences: (sentences, time) int32, the sentences.
        tokens: (nothing,) int64, the ids that occur.
    """

    ids: Tensor
    lengths: Tensor
    prefixes: Tensor
    owners: Tensor
    sentences: Tensor
    tokens: Tensor

    def __len__(self) -> int:
        return self.ids.shape[1]

    @cached_property
    def _lengths(self) -> list[int]:
        return self.lengths.tolist()

    def longest(self, some: slice) -> int:
        """The largest length of some rows that have one prefix."""
        length: int = self._lengths[some.start]
        return length

    def shortest(self, some: slice) -> int:
        """The smallest length of some rows that have one prefix."""
        length: int = self._lengths[some.stop - 1]
        return length

    def blocks(self) -> Iterator[tuple[int, int, int]]:
        """Begin, end and prefix of the rows of each prefix."""
        prefixes, sizes = torch.unique_consecutive(self.prefixes, return_counts=True)
        begin = 0
        for prefix, size in zip(prefixes.tolist(), sizes.tolist(), strict=True):
            yield begin, begin + size, prefix
            begin += size

    def groups(self) -> Tensor:
        """(rows,) int64, equal for completions that have most in common: those of one sentence
        whose prefixes are about equally long."""
        steps = self.sentences.shape[1] // NEAR + 1
        return self.owners.long() * steps + self.prefixes // NEAR

    def parts(self, most: int) -> Iterator[Rows]:
        """The rows, at most so many at a time."""
        for begin in range(0, len(self), most):
            some = slice(begin, begin + most)
            yield Rows(
                self.ids[:, some],
                self.lengths[some],
                self.prefixes[some],
                self.owners[some],
                self.sentences,
                self.tokens,
            )


def different_rows(completions: Completions) -> tuple[Rows, Tensor]:
    """The different completions, and (pairs * copies,) int64, which of them each one is.

    Of equal completions the one with the longest prefix stands for all: it is the least work.
    """
    copies = completions.copies
    ids, lengths = completions.ids.flatten(0, 1), completions.lengths.flatten()
    prefixes = completions.prefixes.repeat_interleave(copies)
    owners = completions.rows.repeat_interleave(copies)
    time = int(torch.maximum(lengths.max(), completions.sentences.lengths.max()))
    beyond = torch.arange(time, device=ids.device) >= lengths[:, None]
    ids = ids[:, :time].masked_fill(beyond, -1)
    order = torch.argsort(prefixes * (time + 1) - lengths)
    kept, inverse = _different(ids[order])
    kept, inverse = order[kept], torch.empty_like(order).index_copy_(0, order, inverse)
    ids, lengths, prefixes, owners = ids[kept], lengths[kept], prefixes[kept], owners[kept]
    given = completions.sentences
    sentences = given.ids.masked_fill(~given.mask, -1)[:, :time]
    # A completion may be longer than every sentence: both have the same places.
    sentences = pad(sentences, (0, time - sentences.shape[1]), value=-1)
    tokens, numbers = _numbered(ids, sentences)
    rows = Rows(
        pad(numbers[0], (0, 1), value=len(tokens)).t().contiguous(),
        lengths,
        prefixes,
        owners.int(),
        numbers[1],
        tokens,
    )
    return rows, inverse


def _different(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The last of each group of equal rows (rows, time), in their order, and of every row the place
    of its group among them."""
    places = torch.arange(len(ids), device=ids.device)
    factors = mix(torch.arange(1, ids.shape[1] + 1, device=ids.device))
    groups, inverse = torch.unique((ids * factors).sum(1), return_inverse=True)
    last = torch.zeros_like(groups).scatter_reduce_(0, inverse, places, "amax")
    if not torch.equal(ids[last[inverse]], ids):  # different rows of one hash: take all as they are
        return places, places
    kept, order = last.sort()
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=ids.device)
    return kept, rank[inverse]


def _numbered(*ids: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The ids that occur, in order, and the arrays with the numbers of their ids among them, int32;
    -1 becomes how many there are."""
    most = max(int(some.max()) for some in ids)
    occurs = torch.zeros(most + 2, dtype=torch.int32, device=ids[0].device)
    for some in ids:
        occurs[some + 1] = 1
    occurs[0] = 0
    tokens = occurs.nonzero().squeeze(1) - 1
    numbers = occurs.cumsum(0, dtype=torch.int32) - 1
    numbers[0] = len(tokens)
    return tokens, [numbers[some + 1] for some in ids]
