"""Holding out a part of a corpus for validation, by rule and not by a copy of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray

from seqgen.randomness import Stream
from seqgen.text.errors import CorpusError
from seqgen.text.records import Example

Rows = NDArray[np.int64]
_PARTS = 1 << 24  # a share is held as whole parts of this many, so that blocks of rows are exact
_CHUNK = 1 << 16  # rows decided at a time


@dataclass(frozen=True)
class Rule:
    """Which rows validate: a share of all, a number of all, or the last ones; one is set."""

    share: float | None = None
    number: int | None = None
    last: int | None = None

    @classmethod
    def parse(cls, given: float | int | str) -> Rule:
        """Read 0.05 (a share), 500 (a number of rows) or "last:500"; numbers may be strings.

        Raises:
            CorpusError: anything else, a share not between 0 and 1, a number below 1.
        """
        text = str(given).strip()
        try:
            if text.startswith("last:"):
                return cls(last=_at_least_one(int(text.removeprefix("last:"))))
            if text.isdecimal():
                return cls(number=_at_least_one(int(text)))
            if 0 < float(text) < 1:
                return cls(share=float(text))
        except ValueError:
            pass
        raise CorpusError(
            f"{given!r} does not say which rows to hold out; give a share such as 0.05, a number of"
            ' rows such as 500, or "last:500"'
        )


class Split:
    """Two streams out of one corpus: the rows that train and the rows that validate.

    A share s holds out one of every 1/s consecutive rows, which one is drawn from the seed: exact
    to a row, and it needs no count of rows; where it comes to no row at all, the last row is held
    out. A number n draws n of all rows, "last" takes the end; both count the rows in a pass of
    their own. A row's fate depends on the seed and its row number,
    blank lines not counted. With labels, each label is split so by itself: n rows of each label,
    numbered within the label.

    Args:
        examples: starts reading the corpus from its beginning; called once per pass.
        rule: what `Rule.parse` takes.
        seed: draws the rows; another seed, another split.

    Raises:
        CorpusError: no row is left to train on (while streaming).
    """

    def __init__(
        self, examples: Callable[[], Iterator[Example]], rule: float | int | str, seed: int
    ) -> None:
        self._given = rule
        self.rule = Rule.parse(rule)
        self._examples = examples
        self._stream = Stream.of(seed, "hold out")

    def train(self) -> Iterator[Example]:
        """Stream the rows that train, in the order of the corpus."""
        return self._side(False)

    def valid(self) -> Iterator[Example]:
        """Stream the rows held out, in the order of the corpus."""
        return self._side(True)

    def _side(self, wanted: bool) -> Iterator[Example]:
        found = False
        for example, held in self._marked():
            if held is wanted:
                found = True
                yield example
        if not found:
            raise CorpusError(
                f"holding out {self._given} leaves no row to train on; give more sentences, or a"
                " validation file"
            )

    def _marked(self) -> Iterator[tuple[Example, bool]]:
        """Every row and whether it is held out, one row late: the last one may have to step in."""
        flags: dict[str | None, Iterator[bool]] = {}
        last: tuple[Example, bool] | None = None
        some = False
        for example in self._examples():
            if last is not None:
                yield last
            if example.label not in flags:
                flags[example.label] = self._flags(example.label)
            last = example, next(flags[example.label])
            some = some or last[1]
        if last is not None:
            yield last[0], last[1] or not some

    def _flags(self, label: str | None) -> Iterator[bool]:
        """For one row after another: is it held out?"""
        share = self.rule.share
        decide = self._drawn(label) if share is None else self._share(share, label)
        for first in count(0, _CHUNK):
            rows = np.arange(first, first + _CHUNK, dtype=np.int64)
            yield from decide(rows).tolist()

    def _share(self, share: float, label: str | None) -> Callable[[Rows], NDArray[np.bool_]]:
        parts = round(share * _PARTS)

        def decide(rows: Rows) -> NDArray[np.bool_]:
            block = rows * parts // _PARTS  # a new one whenever row * share passes a whole number
            start = -(-block * _PARTS // parts)
            size = -(-(block + 1) * _PARTS // parts) - start
            picked: NDArray[np.bool_] = self._bits(block, label) % size == rows - start
            return picked

        return decide

    def _drawn(self, label: str | None) -> Callable[[Rows], NDArray[np.bool_]]:
        total = self._totals[label]
        number = self.rule.last if self.rule.last is not None else self.rule.number
        assert number is not None
        if number >= total:
            whose = "" if label is None else f" of label {label!r}"
            raise CorpusError(
                f"{number} rows{whose} are to be held out, but there are only {total}"
            )
        if self.rule.last is not None:
            return lambda rows: rows >= total - number
        lots = self._bits(np.arange(total, dtype=np.int64), label)
        chosen = np.sort(np.argpartition(lots, number - 1)[:number])
        return lambda rows: np.isin(rows, chosen)

    def _bits(self, numbers: Rows, label: str | None) -> Rows:
        stream = self._stream.child(label or "")
        bits: NDArray[np.int64] = stream.bits(torch.from_numpy(numbers), 1)[:, 0].numpy()
        return bits & np.int64(2**63 - 1)

    @cached_property
    def _totals(self) -> Counter[str | None]:
        return Counter(example.label for example in self._examples())


def _at_least_one(number: int) -> int:
    if number < 1:
        raise ValueError(number)
    return number
