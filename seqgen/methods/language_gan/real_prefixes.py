"""Drawn words after real prefixes, against the real words there: teacher helping."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from seqgen.discriminators.projection import Projection
from seqgen.generators.choose import Choose
from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.kernels import plain_recurrence
from seqgen.methods.adversarial import Scores
from seqgen.methods.language_gan.fakes import Sides, entropies
from seqgen.methods.protocol import Term
from seqgen.methods.regularizers import interpolate
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class NextWords(NamedTuple):
    """Words to be scored after prefixes; a specimen is one word in one place.

    Attributes:
        contexts: what the discriminator made of the prefixes, (places, hidden).
        words: ids (places, draws) int64 or soft words (places, draws, vocabulary).
        vocabulary: number of ids.
    """

    contexts: Tensor
    words: Tensor
    vocabulary: int

    @property
    def points(self) -> Tensor:
        """Soft words (places x draws, vocabulary); ids as one-hot vectors."""
        words = self.words.flatten(0, 1)
        return words if words.is_floating_point() else one_hot(words, self.vocabulary).float()

    def at(self, points: Tensor) -> Self:
        """The same prefixes with other soft words (places x draws, vocabulary)."""
        return self._replace(words=points.view(*self.words.shape[:2], self.vocabulary))

    def mixed(self, fake: Self, shares: Tensor) -> Self:
        """Soft words between these and fake ones after the same prefixes, `shares` (places x
        draws,) of these."""
        return self.at(interpolate(self.points, fake.points, shares))


class RealPrefixes:
    """Words that the generator draws as the next ones of all prefixes of real sentences.

    Source: "teacher helping" of Press et al., "Language Generation with Recurrent Generative
    Adversarial Networks without Pre-training", 2017, arXiv 1706.01399. One parallel pass of both
    networks takes the place of decoding.

    Args:
        generator: the network; its dropout is off.
        discriminator: which scores drawn and real words after one reading of the prefixes.
        draws: words drawn in every place; the real word is held against each.
    """

    def __init__(self, generator: Generator, discriminator: Projection, draws: int = 1) -> None:
        if draws < 1:
            raise ValueError(f"draws {draws} must be at least 1")
        self.generator, self.discriminator, self.draws = generator, discriminator, draws

    def draw(
        self, choose: Choose, batch: Sentences, stream: Stream, gradient: bool
    ) -> Sides[NextWords]:
        """The real words of a batch and drawn ones in their places, END among them.

        Args:
            choose: how a word is drawn from logits.
            batch: real sentences.
            stream: random numbers; those of a place are a function of its row's global number, its
                step and the number of the draw.
            gradient: for the generator's turn: keep its graph, and none of the discriminator.
        """
        mask = batch.mask
        with nullcontext() if gradient else torch.no_grad(), evaluating(self.generator):
            with plain_recurrence(gradient):
                hidden = teacher_force(self.generator, batch).hidden[mask]
            logits = self.generator.logits(hidden)
            entropy = Term(entropies(logits).sum(), len(logits)) if gradient else None
            numbers = stream.child("place").bits(batch.numbers, mask.shape[1], self.draws)
            numbers = numbers.transpose(1, 2)[mask]
            words = self._draw(choose, logits, numbers.flatten(), stream.child("fake"))
        with torch.no_grad() if gradient else nullcontext():
            contexts = self.discriminator.features(batch.ids, batch.lengths)[mask]
        real = batch.ids[mask].unsqueeze(1).expand(-1, self.draws)
        size = logits.shape[1]
        return Sides(
            NextWords(contexts, real, size),
            NextWords(contexts, words, size),
            numbers.flatten(),
            entropy,
        )

    def score(self, specimen: NextWords) -> Scores:
        """The discriminator's scores (places x draws,)."""
        return Scores(self.discriminator.score_words(specimen.contexts, specimen.words).flatten())

    def _draw(self, choose: Choose, logits: Tensor, numbers: Tensor, stream: Stream) -> Tensor:
        """(places, vocabulary) and (places x draws,) -> words (places, draws, ...)."""
        places, size = logits.shape
        repeated = logits.unsqueeze(1).expand(-1, self.draws, -1).reshape(-1, size)
        choose.prepare(numbers, 1, size, stream)
        everyone = torch.arange(len(numbers), device=numbers.device)
        words = choose(0, repeated, everyone).kept
        return words.view(places, self.draws, *words.shape[1:])
