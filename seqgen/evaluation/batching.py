"""Sentences of similar length together, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor


def by_length(lengths: Tensor, tokens: int) -> Iterator[Tensor]:
    """Row numbers, the shortest sentences first, with at most `tokens` in a padded batch, or one
    sentence alone where it is longer; int64 (some,)."""
    order = lengths.argsort(stable=True)
    first = 0
    for last, length in enumerate(lengths[order].tolist()):
        if last > first and (last + 1 - first) * length > tokens:
            yield order[first:last]
            first = last
    if first < len(order):
        yield order[first:]
