"""Other styles, and source sentences with words left out."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


def other_styles(own: Tensor, styles: int, stream: Stream, rows: Tensor) -> Tensor:
    """Another style for each row, all others being equally likely: (rows,) int64 -> the same.

    Args:
        own: the styles that are not wanted.
        styles: how many there are, at least 2.
        stream: random numbers; with two styles none are drawn.
        rows: (rows,) int64, the global row numbers these belong to.
    """
    if styles == 2:
        return 1 - own
    drawn = (stream.uniform(rows, 1)[:, 0] * (styles - 1)).to(torch.int64)
    return (own + 1 + drawn.clamp(max=styles - 2)) % styles


def drop_words(sentences: Sentences, share: float, stream: Stream, pad: int) -> Sentences:
    """Sentences without some of their words, each left out with the same probability; the last
    token, END, stays.

    Args:
        sentences: ids (rows, time).
        share: the probability, from 0 to below 1.
        stream: random numbers, by the rows' global numbers.
        pad: id that fills the tail.
    """
    if share == 0.0:
        return sentences
    ids, lengths = sentences.ids, sentences.lengths
    steps = torch.arange(ids.shape[1], device=ids.device)
    inner = steps < lengths.unsqueeze(1) - 1
    gone = (stream.uniform(sentences.numbers, ids.shape[1]) < share) & inner
    order = torch.argsort((gone | ~sentences.mask).to(torch.uint8), dim=1, stable=True)
    left = lengths - gone.sum(1)
    kept = torch.where(steps < left.unsqueeze(1), ids.gather(1, order), pad)
    return Sentences(kept, left, sentences.labels, sentences.rows)
