"""The features of a convolution over many completions, with the work on equal parts shared.

A convolution of token vectors is a sum over the places of a window of what each token gives there,
so a table of (place, token) is made once and a window is a sum of its rows. Of the windows of a
completion, those inside the kept prefix are the same for all completions of it: a running maximum
over the sentence has their largest. Of those that cross its end, the part inside is a sum of its
own, made once too. What remains is one gathered row for each drawn token in a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from seqgen.discriminators.completion_rows import Rows

CACHED = 2**24  # bytes of window sums at a time: they are still in the last cache when compared
LEAST = 32  # rows at a time at the least


def completion_features(
    rows: Rows, vectors: Tensor, filters: Sequence[Tensor], bias: Tensor, dtype: torch.dtype
) -> Tensor:
    """relu of the largest window of each feature: (rows, sum of channels) float32.

    The windows of a row start at 0 ... max(length - size, 0), with zeros beyond its end.

    Args:
        rows: the completions.
        vectors: (vocabulary, width), of the tokens.
        filters: of each width its (channels, size, width).
        bias: (sum of channels,).
        dtype: of the tables: float32, or float16 for less memory and time.
    """
    used = pad(vectors[rows.tokens], (0, 0, 0, 1))  # nothing has the zero vector
    parts = torch.split(bias, [len(weight) for weight in filters])
    features = torch.empty(len(rows), len(bias), device=vectors.device)
    column = 0
    # Width by width: the tables of all together would be gigabytes for a large vocabulary.
    for weight, shift in zip(filters, parts, strict=True):
        some = features[:, column : column + len(weight)]
        _Table.of(rows, used, weight, shift, dtype).fill(some, rows)
        column += len(weight)
    return features


@dataclass(frozen=True, eq=False)
class _Table:
    """What sums to the windows of one size.

    Attributes:
        size: tokens a window.
        sums: (places, channels): what a token gives at a place, row token * size + place, with the
            bias at place 0; then the sums of the first 1 ... size tokens from each place
            of each sentence, row (sentence * time + place) * size + tokens - 1.
        running: (sentences, time, channels): the largest of the windows that start at or before a
            place of a sentence, at least 0; float32, for its rounding would be common to all
            completions and so not vanish in their mean.
    """

    size: int
    sums: Tensor
    running: Tensor

    @classmethod
    def of(
        cls, rows: Rows, used: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> _Table:
        """The table of one convolution; `used` (nothing + 1, width) are the vectors."""
        (channels, size, _), tokens = weight.shape, len(used)
        (count, time), singles = rows.sentences.shape, size * tokens
        sums = used.new_empty(singles + count * time * size, channels, dtype=dtype)
        given = sums[:singles].view(tokens, size * channels)
        flat = weight.permute(2, 1, 0).flatten(1)
        if dtype == used.dtype:
            torch.mm(used, flat, out=given)
        else:
            given.copy_(used @ flat)
        given[:-1, :channels] += bias
        starts = pad(rows.sentences, (0, size - 1), value=tokens - 1).unfold(1, size, 1)
        places = torch.arange(size, device=used.device)
        picked = (starts * size + places).flatten()
        begun = sums.index_select(0, picked).view(count, time, size, channels).float()
        for place in range(1, size):
            begun[:, :, place] += begun[:, :, place - 1]
        sums[singles:] = begun.view(-1, channels)
        running = begun[:, :, -1].clamp(min=0)
        for start in range(1, time):
            torch.maximum(running[:, start], running[:, start - 1], out=running[:, start])
        return cls(size, sums, running)

    def fill(self, features: Tensor, rows: Rows) -> None:
        """Write the features (rows, channels) of all rows."""
        ids = rows.ids * self.size
        bytes_of_sums = features.shape[1] * self.sums.element_size()
        for begin, end, prefix in rows.blocks():
            longest = rows.longest(slice(begin, end))
            columns = self._columns(rows, prefix, longest)
            most = max(CACHED // (len(columns) * bytes_of_sums), LEAST)
            for start in range(begin, end, most):
                some = slice(start, min(start + most, end))
                count = max(rows.longest(some), self.size) - max(longest, self.size)
                picked = self._picked(rows, some, ids, prefix, columns[: len(columns) + count])
                self._write(features[some], picked, rows.owners[some], prefix)

    def _columns(self, rows: Rows, prefix: int, longest: int) -> Tensor:
        """The places of the drawn tokens in each window that has any, int32 (windows, size); the
        place after the last, which holds nothing, for those that are not drawn."""
        time, device = rows.sentences.shape[1], rows.ids.device
        first = max(prefix - self.size + 1, 0)
        starts = torch.arange(first, max(longest - self.size, 0) + 1, device=device)
        columns = starts[:, None] + torch.arange(self.size, device=device)
        return columns.clamp(max=time).masked_fill_(columns < prefix, time).int()

    def _picked(self, rows: Rows, some: slice, ids: Tensor, prefix: int, columns: Tensor) -> Tensor:
        """Which rows of `sums` make up each window of some rows: int32 (windows, rows, size)."""
        owners, time, size = rows.owners[some], rows.sentences.shape[1], self.size
        first = max(prefix - size + 1, 0)
        places = torch.arange(size, dtype=torch.int32, device=ids.device)
        tokens = ids[:, some].index_select(0, columns.flatten())
        tokens = tokens.view(len(columns), size, len(owners)).transpose(1, 2)
        picked = torch.add(tokens, places, out=tokens.new_empty(tokens.shape))
        # Of a window that begins before the drawn tokens, the part before them is one sum.
        starts = torch.arange(first, min(prefix, first + len(columns)), device=ids.device)
        begun = starts * size + prefix - 1 - starts + (len(rows.tokens) + 1) * size
        picked[: len(starts), :, 0] = begun[:, None] + owners * (time * size)
        if rows.shortest(some) < rows.longest(some):
            starts = torch.arange(first, first + len(columns), device=ids.device)
            beyond = starts[:, None] > (rows.lengths[some] - size).clamp(min=0)
            picked.masked_fill_(beyond.unsqueeze(2), len(rows.tokens) * size)
        return picked

    def _write(self, features: Tensor, picked: Tensor, owners: Tensor, prefix: int) -> None:
        """The features of some rows of one prefix."""
        sums = embedding_bag(picked.flatten(0, 1), self.sums, mode="sum")
        largest = _maximum(sums.view(*picked.shape[:2], -1)).float()
        if prefix < self.size:
            torch.clamp(largest, min=0, out=features)
            return
        inside = self.running[:, prefix - self.size].index_select(0, owners)
        torch.maximum(largest, inside, out=features)


def _maximum(sums: Tensor) -> Tensor:
    """The largest over the windows, (windows, rows, channels) -> (rows, channels); where all are
    below 0, some number below 0."""
    if sums.element_size() == 2:
        # Positive floats are ordered as their bits are, and integers are compared far faster.
        return sums.view(torch.int16).amax(0).view(sums.dtype)
    return sums.amax(0)
