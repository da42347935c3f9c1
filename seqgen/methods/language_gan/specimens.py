"""Sentences as what discriminators score: ids or soft tokens, and their lengths."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import one_hot, pad

from seqgen.discriminators import graphs
from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.decoded import Decoded
from seqgen.methods.adversarial import Scores
from seqgen.methods.regularizers import interpolate
from seqgen.text.sentences import Sentences


class TokenSpecimen(NamedTuple):
    """Sentences to be scored.

    Attributes:
        tokens: ids (rows, time) int64 or soft tokens (rows, time, vocabulary).
        lengths: (rows,) int64, END included; what lies beyond is not looked at.
        vocabulary: number of ids.
    """

    tokens: Tensor
    lengths: Tensor
    vocabulary: int

    @property
    def points(self) -> Tensor:
        """Soft tokens (rows, time, vocabulary); ids as one-hot vectors."""
        if self.tokens.is_floating_point():
            return self.tokens
        return one_hot(self.tokens, self.vocabulary).float()

    def at(self, points: Tensor) -> Self:
        """The same lengths with other soft tokens (rows, time, vocabulary)."""
        return self._replace(tokens=points)

    def mixed(self, fake: Self, shares: Tensor) -> Self:
        """Soft tokens between these and fake ones, `shares` (rows,) of these; as long as the longer
        of the two sentences, with nothing of the shorter one behind its end."""
        time = max(self.tokens.shape[1], fake.tokens.shape[1])
        points = interpolate(_lengthened(self, time), _lengthened(fake, time), shares)
        lengths = torch.maximum(self.lengths, fake.lengths)
        return self._replace(tokens=points, lengths=lengths)


def real_specimen(sentences: Sentences, vocabulary: int) -> TokenSpecimen:
    """The sentences of a batch, as ids."""
    return TokenSpecimen(sentences.ids, sentences.lengths, vocabulary)


def drawn_specimen(decoded: Decoded, vocabulary: int) -> TokenSpecimen:
    """Decoded sentences, ids or soft tokens, cut to the longest."""
    time = int(decoded.lengths.max())
    return TokenSpecimen(decoded.tokens[:, :time], decoded.lengths, vocabulary)


def score(discriminator: Discriminator, specimen: TokenSpecimen) -> Scores:
    """Scores (rows,) of sentences or, per token, (rows, time) with the mask of real tokens."""
    values = discriminator(specimen.tokens, specimen.lengths)
    return _scores(discriminator, values, specimen)


def score_both(
    discriminator: Discriminator, real: TokenSpecimen, fake: TokenSpecimen
) -> tuple[Scores, Scores]:
    """`score` of both; for ids on a GPU in one pass, by CUDA graphs where the network allows it."""
    soft = real.tokens.is_floating_point() or fake.tokens.is_floating_point()
    if soft or not graphs.capturable(discriminator):
        return score(discriminator, real), score(discriminator, fake)
    values = graphs.score_together(
        discriminator, (real.tokens, fake.tokens), (real.lengths, fake.lengths)
    )
    first, second = (
        _scores(discriminator, some, specimen)
        for some, specimen in zip(values, (real, fake), strict=True)
    )
    return first, second


def _scores(discriminator: Discriminator, values: Tensor, specimen: TokenSpecimen) -> Scores:
    if not discriminator.per_token:
        return Scores(values)
    steps = torch.arange(values.shape[1], device=values.device)
    return Scores(values, steps < specimen.lengths.unsqueeze(1))


def _lengthened(specimen: TokenSpecimen, time: int) -> Tensor:
    """Its points up to `time` tokens, zero behind its end whatever the padding of its batch."""
    points = pad(specimen.points, (0, 0, 0, time - specimen.tokens.shape[1]))
    steps = torch.arange(time, device=points.device)
    return points * (steps < specimen.lengths.unsqueeze(1)).unsqueeze(2)
