"""Sentences of similar length together, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def by_length(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Row numbers, the shortest sentences first, with at most `tokens` in a padded batch, or one
    sentence alone where it is longer."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    first = 0
    for last, row in enumerate(order):
        if last > first and (last + 1 - first) * lengths[row] > tokens:
            yield order[first:last]
            first = last
    if first < len(order):
        yield order[first:]
