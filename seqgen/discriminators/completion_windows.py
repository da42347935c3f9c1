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

CACHED = 2**20  # bytes of window sums at a time, so that they are still in the cache when compared
LEAST = 32  # rows at a time at the least


def completion_features(
    rows: Rows, vectors: Tensor, filters: Sequence[Tensor], bias: Tensor, dtype: torch.dtype
) -> Tensor:
    """relu of the largest window of each feature, (rows, sum of channels) of `dtype`.

    The windows of a row start at 0 ... max(length - size, 0), with zeros beyond its end.

    Args:
        rows: the completions.
        vectors: (vocabulary, width), of the tokens.
        filters: of each width its (channels, size, width).
        bias: (sum of channels,).
        dtype: of the tables and the features: float32, or float16 for less memory and time.
    """
    used = pad(vectors[rows.tokens], (0, 0, 0, 1))  # nothing has the zero vector
    parts = torch.split(bias, [len(weight) for weight in filters])
    features = torch.empty(len(rows), len(bias), dtype=dtype, device=vectors.device)
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
        sums: (places, channels): what a token gives at a place, row place * (nothing + 1) + token,
            with the bias at place 0; then the sums of the first 1 ... size tokens from each place
            of each sentence, row (sentence * time + place) * size + tokens - 1.
        running: (sentences * time, channels): the largest of the windows that start at or before a
            place of a sentence, at least 0.
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
        for place in range(size):
            given = used @ weight[:, place].t()
            if place == 0:
                given[:-1] += bias
            sums[place * tokens : (place + 1) * tokens] = given
        starts = pad(rows.sentences, (0, size - 1), value=tokens - 1).unfold(1, size, 1)
        places = torch.arange(size, device=used.device) * tokens
        begun = sums[(starts + places).flatten()].view(count, time, size, channels)
        begun = begun.float().cumsum(2)
        sums[singles:] = begun.view(-1, channels)
        running = begun[:, :, -1].cummax(1).values.clamp_(min=0)
        return cls(size, sums, running.view(-1, channels).to(dtype))

    def fill(self, features: Tensor, rows: Rows) -> None:
        """Write the features (rows, channels) of all rows."""
        rowbytes = features.shape[1] * features.element_size()
        for begin, end, prefix in rows.blocks():
            longest = rows.longest(slice(begin, end))
            first = max(prefix - self.size + 1, 0)  # the first that reaches a drawn token
            count = max(longest - self.size, 0) - first + 1
            most = max(CACHED // (count * rowbytes), LEAST)
            for start in range(begin, end, most):
                some = slice(start, min(start + most, end))
                features[some] = self._largest(rows, some, prefix, first)

    def _largest(self, rows: Rows, some: slice, prefix: int, first: int) -> Tensor:
        """The features of some rows of one prefix, whose windows up to `first` are inside it."""
        picked = self._picked(rows, some, prefix, first)
        sums = embedding_bag(picked.flatten(0, 1), self.sums, mode="sum")
        largest = _maximum(sums.view(*picked.shape[:2], -1))
        if prefix < self.size:
            return largest.clamp_(min=0)
        time = rows.sentences.shape[1]
        inside = self.running.index_select(0, rows.owners[some] * time + (prefix - self.size))
        return torch.maximum(largest, inside, out=largest)

    def _picked(self, rows: Rows, some: slice, prefix: int, first: int) -> Tensor:
        """Which rows of `sums` make up each window, int32 (windows, rows, size)."""
        lengths, owners = rows.lengths[some], rows.owners[some]
        (_, time), size, tokens = rows.sentences.shape, self.size, len(rows.tokens) + 1
        device, end = owners.device, time  # column `time` of the ids is nothing
        longest = rows.longest(some)
        starts = torch.arange(first, max(longest - size, 0) + 1, dtype=torch.int32, device=device)
        places = torch.arange(size, dtype=torch.int32, device=device)
        columns = starts[:, None] + places
        columns = columns.clamp(max=end).masked_fill_(columns < prefix, end)
        picked = rows.ids[:, some].index_select(0, columns.flatten())
        picked = picked.view(len(starts), size, -1) + (places * tokens)[:, None]
        crossing = starts[: max(prefix - first, 0)]
        begun = size * tokens + (owners * time + crossing[:, None]) * size
        picked[: len(crossing), 0] = begun + (prefix - 1 - crossing)[:, None]
        if rows.shortest(some) < longest:
            beyond = starts[:, None] > (lengths - size).clamp(min=0)
            picked.masked_fill_(beyond.unsqueeze(1), tokens - 1)
        return picked.transpose(1, 2).contiguous()


def _maximum(sums: Tensor) -> Tensor:
    """The largest over the windows, (windows, rows, channels) -> (rows, channels); where all are
    below 0, some number below 0."""
    if sums.element_size() == 2:
        # Positive floats are ordered as their bits are, and integers are compared far faster.
        return sums.view(torch.int16).amax(0).view(sums.dtype)
    return sums.amax(0)
